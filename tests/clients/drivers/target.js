'use strict'

// What every Node driver shares: where to go, how much to ask, and the one JSON object that it prints.

const env = process.env
const url = new URL(env.MWS_URL)

const target = {
  host: url.hostname,
  port: Number(url.port),
  hostAndPort: url.host,
  accessKey: env.MWS_ACCESS_KEY,
  secret: env.MWS_SECRET,
  seller: env.MWS_SELLER,
  marketplace: env.MWS_MARKETPLACE,
  createdAfter: env.MWS_CREATED_AFTER,
  createdBefore: env.MWS_CREATED_BEFORE,
  pageSize: env.MWS_PAGE_SIZE,
  itemsOf: Number(env.MWS_ITEMS_OF),
  calls: Number(env.MWS_CALLS),
}

// One or many, absent or empty: most XML-to-object parsers leave that to the caller.
const list = (value) => (value === undefined || value === '' ? [] : [].concat(value))

// Code and message of an ErrorResponse, for the libraries that hand its text over unread.
function wireError(xml) {
  const text = (name) => (xml.match(new RegExp(`<${name}>([^<]*)</${name}>`)) || [])[1]
  return { code: text('Code'), message: text('Message') }
}

// One call after the other, as a legacy integration asks: the quotas are counted in that order.
async function itemsOfFirst(ids, items) {
  const found = {}
  for (const id of ids.slice(0, target.itemsOf)) found[id] = await items(id)
  return found
}

async function throttleUntilRefused(call) {
  for (let made = 0; made < target.calls; made += 1) await call()
  return { calls: target.calls }
}

// firstPage is the call to repeat in the throttle scenario; failure describes what the library rejected with.
async function report({ read, firstPage, failure }) {
  let answer
  try {
    answer = await (env.MWS_SCENARIO === 'throttle' ? throttleUntilRefused(firstPage) : read())
  } catch (error) {
    answer = { error_type: error.constructor.name, status: null, ...failure(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

module.exports = { target, list, wireError, itemsOfFirst, report }
