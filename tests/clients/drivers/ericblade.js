'use strict'

// @ericblade/mws-simple 5: host and port are options; it sends and signs the host without the port.

require('./request_over_http')
const { MWSSimple } = require('@ericblade/mws-simple')
const { target, wireError } = require('./target')
const reportClient = require('./xml2js_client')

const client = new MWSSimple({
  host: target.host,
  port: target.port,
  accessKeyId: target.accessKey,
  secretAccessKey: target.secret,
  merchantId: target.seller,
})

async function call(parameters) {
  const answer = await client.request({
    path: '/Orders/2013-09-01',
    query: { ...parameters, Version: '2013-09-01' },
  })
  return answer.result
}

function failure(error) {
  if (!(error instanceof client.ServerError)) throw error
  return { status: error.code, ...wireError(error.body) }
}

reportClient(call, failure)
