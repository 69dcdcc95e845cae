'use strict'

// mws-sdk-promises 1: the host, with the port, is an option; it ignores the HTTP status.

require('./request_over_http')
const MWS = require('mws-sdk-promises')
const { target } = require('./target')
const reportClient = require('./xml2js_client')

const { ErrorResponse } = reportClient

const client = new MWS.Client(target.accessKey, target.secret, target.seller, { host: target.hostAndPort })

// The request objects take the list parameters under their short names and number them.
const SHORT = {
  'MarketplaceId.Id.1': 'MarketplaceId',
  'AmazonOrderId.Id.1': 'AmazonOrderId',
  'AmazonOrderId.Id.2': 'AmazonOrderId',
}

async function call({ Action, ...parameters }) {
  const request = MWS.Orders.requests[Action]()
  const lists = {}
  for (const [name, value] of Object.entries(parameters)) {
    if (SHORT[name]) lists[SHORT[name]] = [...(lists[SHORT[name]] || []), value]
    else request.set(name, name.startsWith('Created') ? new Date(value) : value)
  }
  for (const [name, values] of Object.entries(lists)) request.set(name, values)
  const document = await client.invoke(request)
  if (document.ErrorResponse) throw new ErrorResponse(document)
  return document
}

function failure(error) {
  if (!(error instanceof ErrorResponse)) throw error
  return { code: error.code, message: error.message }
}

reportClient(call, failure)
