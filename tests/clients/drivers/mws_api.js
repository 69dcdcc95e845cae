'use strict'

// mws-api 3: the host, with the port, is an option. It follows the NextTokens itself (meta.next) and hands over
// the joined list; on a throttle it would retry for ever unless meta.retry is false.

require('./request_over_http')
const MwsClient = require('mws-api')
const { target, itemsOfFirst, report } = require('./target')

const client = new MwsClient({
  host: target.hostAndPort,
  accessKeyId: target.accessKey,
  secretAccessKey: target.secret,
  merchantId: target.seller,
})
const once = { retry: false, next: false }

const listOrders = (meta) =>
  client.Orders.ListOrders(
    {
      MarketplaceId: [target.marketplace],
      CreatedAfter: target.createdAfter,
      CreatedBefore: target.createdBefore,
      MaxResultsPerPage: target.pageSize,
    },
    meta,
  )

const firstPage = () => listOrders(once)

const amount = (money) => (money === undefined ? null : money.Amount)

async function items(id) {
  const answer = await client.Orders.ListOrderItems({ AmazonOrderId: id }, once)
  return answer.result.map((item) => [item.OrderItemId, item.ASIN, item.QuantityOrdered, amount(item.ItemPrice)])
}

async function read() {
  const { result: orders, metadata } = await listOrders({ retry: false, next: true })
  const ids = orders.map((order) => order.AmazonOrderId)
  const again = await client.Orders.GetOrder({ AmazonOrderId: ids.slice(0, 2) }, once)
  const [first] = orders
  return {
    pages: metadata.length,
    orders: ids,
    first: {
      PurchaseDate: first.PurchaseDate,
      OrderStatus: first.OrderStatus,
      OrderTotal: amount(first.OrderTotal),
    },
    get_order: again.result.map((order) => order.AmazonOrderId),
    items: await itemsOfFirst(ids, items),
  }
}

function failure(error) {
  if (error.type === undefined) throw error // its own errors carry type and code, others are not from the endpoint
  return { code: error.code, message: error.message }
}

report({ read, firstPage, failure })
