'use strict'

// npm mws 2 (ScaleLeap), the strictest parser. The endpoint is the `webServiceUri` of the marketplace object that
// the caller passes; the client signs what follows `https://` in it, so it stays https. The second argument of its
// HttpClient is the function that sends a signed request: the one here does what the built-in one does, to
// loopback.

const axios = require('axios')
const { HttpClient, MWSError, Orders, amazonMarketplaces } = require('mws')
const { target, itemsOfFirst, report } = require('./target')

const marketplace = { ...amazonMarketplaces.US, webServiceUri: `https://${target.hostAndPort}` }

async function send({ url, method, headers, data }) {
  try {
    const answer = await axios({ url: url.replace('https://', 'http://'), method, headers, data })
    return { data: answer.data, headers: answer.headers }
  } catch (error) {
    throw error.response ? error.response.data : error
  }
}

const client = new Orders(
  new HttpClient(
    {
      marketplace,
      awsAccessKeyId: target.accessKey,
      secretKey: target.secret,
      sellerId: target.seller,
      mwsAuthToken: '',
    },
    send,
  ),
)

const firstPage = () =>
  client.listOrders({
    MarketplaceId: [target.marketplace],
    CreatedAfter: new Date(target.createdAfter),
    CreatedBefore: new Date(target.createdBefore),
    MaxResultsPerPage: Number(target.pageSize),
  })

const amount = (money) => (money === undefined ? null : money.Amount)

async function items(id) {
  const [answer] = await client.listOrderItems({ AmazonOrderId: id })
  return answer.OrderItems.map((item) => [item.OrderItemId, item.ASIN, item.QuantityOrdered, amount(item.ItemPrice)])
}

async function read() {
  let [page] = await firstPage()
  const pages = [page]
  while (page.NextToken) {
    ;[page] = await client.listOrdersByNextToken(page.NextToken)
    pages.push(page)
  }
  const orders = pages.flatMap((one) => one.Orders)
  const ids = orders.map((order) => order.AmazonOrderId)
  const [again] = await client.getOrder({ AmazonOrderId: ids.slice(0, 2) })
  const [first] = orders
  return {
    pages: pages.length,
    orders: ids,
    first: {
      PurchaseDate: first.PurchaseDate.toISOString(),
      OrderStatus: first.OrderStatus,
      OrderTotal: amount(first.OrderTotal),
    },
    get_order: again.map((order) => order.AmazonOrderId),
    items: await itemsOfFirst(ids, items),
  }
}

function failure(error) {
  if (!(error instanceof MWSError)) throw error
  return { code: error.code, message: error.mwsMessage }
}

report({ read, firstPage, failure })
