// E2B's internet access example, as it stands in E2B's documentation; after it, what must be true.
// The Rust side listens on TARGET and knows NAME; see tests/it/egress.rs.
import assert from 'node:assert/strict'

import { Sandbox } from '@e2b/code-interpreter'
const sandbox = await Sandbox.create({ allowInternetAccess: true })
const isolated = await Sandbox.create({ allowInternetAccess: false })
const unsaid = await Sandbox.create()

const { TARGET, NAME } = process.env
const dial = `python3 -c '
import socket
for host in ("${TARGET}", "${NAME}"):
    try:
        with socket.create_connection((host, 80), timeout=300) as s:
            print(host, s.makefile().read().strip())
    except TimeoutError as error:
        print(host, "hung")
    except OSError as error:
        print(host, "refused")
'`
for (const open of [sandbox, unsaid]) {
  const { stdout } = await open.commands.run(dial)
  assert.equal(stdout, `${TARGET} canary\n${NAME} canary\n`)
}
const { stdout } = await isolated.commands.run(dial)
assert.equal(stdout, `${TARGET} refused\n${NAME} refused\n`)
for (const each of [sandbox, isolated, unsaid]) await each.kill()
console.log('internet ok')
