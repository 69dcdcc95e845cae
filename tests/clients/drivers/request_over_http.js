'use strict'

// Four clients speak https only, through the `request` package. Its `httpModules` option names the module that
// opens the connection for a protocol; set here for all requests, https goes out as plain http. URL, headers,
// signature and parsing stay the client's own. In production TLS ends in front of the endpoint and nothing of this
// is needed.

const http = require('http')
const { Request } = require('request')

Request.prototype.httpModules = { 'https:': http }
