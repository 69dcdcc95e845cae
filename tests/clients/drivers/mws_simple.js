'use strict'

// mws-simple 1: host and port are options; it sends and signs the host without the port and ignores the HTTP
// status.

require('./request_over_http')
const MwsSimple = require('mws-simple')
const { target } = require('./target')
const reportClient = require('./xml2js_client')

const { ErrorResponse } = reportClient

const client = new MwsSimple({
  host: target.host,
  port: target.port,
  accessKeyId: target.accessKey,
  secretAccessKey: target.secret,
  merchantId: target.seller,
})

const call = (parameters) =>
  new Promise((resolve, reject) => {
    const request = { path: '/Orders/2013-09-01', query: { ...parameters, Version: '2013-09-01' } }
    client.request(request, (error, document) => {
      if (error) reject(error)
      else if (document.ErrorResponse) reject(new ErrorResponse(document))
      else resolve(document)
    })
  })

function failure(error) {
  if (!(error instanceof ErrorResponse)) throw error
  return { code: error.code, message: error.message }
}

reportClient(call, failure)
