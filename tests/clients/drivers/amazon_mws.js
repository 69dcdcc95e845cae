'use strict'

// amazon-mws 0.0.27: setHost takes host, port and protocol, http among them; it signs the host without the port,
// and its query string starts with `?&`. It writes a request when its socket connects, which a socket kept alive
// never does again: with Node 19 and later, which keep them alive, its second call would wait for ever, here as at
// Amazon. The agent of the Nodes that it was made for is put back.

const http = require('http')
const AmazonMws = require('amazon-mws')
const { target, list, itemsOfFirst, report } = require('./target')

http.globalAgent = new http.Agent({ keepAlive: false })

const client = new AmazonMws(target.accessKey, target.secret)
client.setHost(target.host, target.port, 'http')

const call = (parameters) => client.orders.search({ ...parameters, SellerId: target.seller, Version: '2013-09-01' })

const firstPage = () =>
  call({
    Action: 'ListOrders',
    CreatedAfter: target.createdAfter,
    CreatedBefore: target.createdBefore,
    'MarketplaceId.Id.1': target.marketplace,
    MaxResultsPerPage: target.pageSize,
  })

const amount = (money) => (money === undefined ? null : money.Amount)

async function items(id) {
  const answer = await call({ Action: 'ListOrderItems', AmazonOrderId: id })
  return list(answer.OrderItems.OrderItem).map((item) => [
    item.OrderItemId,
    item.ASIN,
    item.QuantityOrdered,
    amount(item.ItemPrice),
  ])
}

async function read() {
  let page = await firstPage()
  const pages = [page]
  while (page.NextToken) {
    page = await call({ Action: 'ListOrdersByNextToken', NextToken: page.NextToken })
    pages.push(page)
  }
  const orders = pages.flatMap((one) => list(one.Orders.Order))
  const ids = orders.map((order) => order.AmazonOrderId)
  const again = await call({ Action: 'GetOrder', 'AmazonOrderId.Id.1': ids[0], 'AmazonOrderId.Id.2': ids[1] })
  const [first] = orders
  return {
    pages: pages.length,
    orders: ids,
    first: {
      PurchaseDate: first.PurchaseDate,
      OrderStatus: first.OrderStatus,
      OrderTotal: amount(first.OrderTotal),
    },
    get_order: list(again.Orders.Order).map((order) => order.AmazonOrderId),
    items: await itemsOfFirst(ids, items),
  }
}

// Its errors are made without a class name of their own: `Type` says which they are.
function failure(error) {
  if (!error.OriginalError) throw error
  return {
    error_type: error.Type,
    code: error.OriginalError.Code,
    status: error.StatusCode,
    message: error.Message,
  }
}

report({ read, firstPage, failure })
