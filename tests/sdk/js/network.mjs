// The network options of the JavaScript SDK: set at creation, shown, replaced while the sandbox runs, refused. What they let
// out is network.py's; see tests/it/network.rs.
import assert from 'node:assert/strict'

import { ALL_TRAFFIC, Sandbox, SandboxError } from 'e2b'

const transform = { headers: { 'x-secret': 'value' } }
const sandbox = await Sandbox.create({
  network: {
    rules: { 'api.example.com': [{ transform }] },
    allowOut: ({ rules }) => [...rules.keys(), '1.1.1.0/24'],
    denyOut: ({ allTraffic }) => [allTraffic],
    egressProxy: { address: '1.1.1.1:1080', username: 'u', password: 'p' },
  },
})
const network = async () => (await sandbox.getInfo()).network
const { allowOut, denyOut, rules, egressProxy } = await network()
assert.deepEqual(allowOut, ['api.example.com', '1.1.1.0/24'])
assert.deepEqual(denyOut, [ALL_TRAFFIC])
assert.deepEqual(rules, { 'api.example.com': [{ transform }] })
assert.equal(egressProxy.address, '1.1.1.1:1080')
assert.equal(egressProxy.username, 'u')
assert.equal('password' in egressProxy, false)

await sandbox.updateNetwork({ allowOut: ['8.8.8.8'], denyOut: [ALL_TRAFFIC] })
const replaced = await network()
assert.deepEqual(replaced.allowOut, ['8.8.8.8'])
assert.equal(replaced.rules, undefined)
assert.equal(replaced.egressProxy, undefined)

for (const [wrong, message] of [
  [{ denyOut: ['example.com'] }, /invalid denied CIDR example\.com/],
  [{ allowOut: ['example.com'] }, /'ALL_TRAFFIC' in deny out/],
  [{ egressProxy: { address: '10.0.0.1:1080' } }, /internal \/ denied IP range/],
]) {
  await assert.rejects(sandbox.updateNetwork(wrong), (error) => error instanceof SandboxError && message.test(error.message))
}
assert.deepEqual((await network()).allowOut, ['8.8.8.8'], 'what is refused changes nothing')
await sandbox.updateNetwork({ allowInternetAccess: false })
assert.equal((await sandbox.getInfo()).allowInternetAccess, false)
await sandbox.kill()
console.log('network options ok')
