'use strict'

// Three clients return what xml2js makes of the document: every element a list. They differ only in how one call
// is made, so a driver passes `call(parameters)`, which resolves to that object, and `failure`.

const { target, itemsOfFirst, report } = require('./target')

const text = (parent, ...path) => path.reduce((node, name) => node && node[name] && node[name][0], parent) || null

module.exports = function reportClient(call, failure) {
  async function result(parameters) {
    const document = await call(parameters)
    return document[`${parameters.Action}Response`][`${parameters.Action}Result`][0]
  }

  const firstPage = () =>
    result({
      Action: 'ListOrders',
      CreatedAfter: target.createdAfter,
      CreatedBefore: target.createdBefore,
      'MarketplaceId.Id.1': target.marketplace,
      MaxResultsPerPage: target.pageSize,
    })

  const ordersOf = (page) => page.Orders[0].Order || []

  async function items(id) {
    const answer = await result({ Action: 'ListOrderItems', AmazonOrderId: id })
    return (answer.OrderItems[0].OrderItem || []).map((item) => [
      text(item, 'OrderItemId'),
      text(item, 'ASIN'),
      text(item, 'QuantityOrdered'),
      text(item, 'ItemPrice', 'Amount'),
    ])
  }

  async function read() {
    let page = await firstPage()
    const pages = [page]
    while (text(page, 'NextToken')) {
      page = await result({ Action: 'ListOrdersByNextToken', NextToken: text(page, 'NextToken') })
      pages.push(page)
    }
    const orders = pages.flatMap(ordersOf)
    const ids = orders.map((order) => text(order, 'AmazonOrderId'))
    const again = await result({
      Action: 'GetOrder',
      'AmazonOrderId.Id.1': ids[0],
      'AmazonOrderId.Id.2': ids[1],
    })
    return {
      pages: pages.length,
      orders: ids,
      first: {
        PurchaseDate: text(orders[0], 'PurchaseDate'),
        OrderStatus: text(orders[0], 'OrderStatus'),
        OrderTotal: text(orders[0], 'OrderTotal', 'Amount'),
      },
      get_order: ordersOf(again).map((order) => text(order, 'AmazonOrderId')),
      items: await itemsOfFirst(ids, items),
    }
  }

  return report({ read, firstPage, failure })
}

// Two of the three look at neither the HTTP status nor the root element: an ErrorResponse arrives as a result, and
// the integration has to look for it. This is that look.
class ErrorResponse extends Error {
  constructor(document) {
    const error = document.ErrorResponse.Error[0]
    super(text(error, 'Message'))
    this.code = text(error, 'Code')
  }
}

module.exports.ErrorResponse = ErrorResponse
