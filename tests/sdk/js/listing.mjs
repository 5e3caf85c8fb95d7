// E2B's web server example, as it stands in E2B's documentation; after it, what must be true.
import assert from 'node:assert/strict'

import { Sandbox } from '@e2b/code-interpreter'
const sandbox = await Sandbox.create()
const process = await sandbox.commands.run('python -m http.server 3000', { background: true })
const host = sandbox.getHost(3000)
const response = await fetch(`https://${host}`)
const listing = await response.text()

assert.equal(response.status, 200)
assert.match(host, /^3000-[a-z0-9]{20}\./)
assert.ok(host.endsWith(`.${globalThis.process.env.E2B_DOMAIN}`), host)
assert.match(listing, /<title>Directory listing for \/<\/title>/)
const names = [...listing.matchAll(/<a href="([^"]+)">/g)].map((match) => match[1])
assert.deepEqual(names, ['.bash_logout', '.bashrc', '.profile'])

assert.equal(await process.kill(), true)
const closed = await fetch(`https://${host}`)
const body = await closed.json()
assert.equal(closed.status, 502)
assert.equal(body.message, 'The sandbox is running but port is not open')
assert.equal(body.port, 3000)
assert.equal(body.sandboxId, sandbox.sandboxId)

assert.equal(await sandbox.isRunning(), true)
assert.equal(await sandbox.kill(), true)
assert.equal(await sandbox.isRunning(), false)
assert.equal(await sandbox.kill(), false)
console.log('listing ok')
