// The life of a sandbox, its commands and terminals in JavaScript: one case per argument, each in a sandbox of its own. A case
// asserts by itself and prints "ok CASE"; tests/it/surface.rs runs them all.
import assert from 'node:assert/strict'

import {
  AuthenticationError,
  CommandExitError,
  InvalidArgumentError,
  SandboxNotFoundError,
  Sandbox,
  SandboxError,
  Template,
  TimeoutError,
} from 'e2b'

const metadata = { owner: 'lifecycle', 'with space': 'a&b=c d' }

const cases = {
  async info(sandbox) {
    const info = await sandbox.getInfo()
    assert.equal(info.sandboxId, sandbox.sandboxId)
    assert.deepEqual([info.templateId, info.metadata, info.state], ['base', metadata, 'running'])
    assert.ok(Math.abs(info.startedAt.getTime() - Date.now()) < 900_000)
    const left = info.endAt.getTime() - Date.now()
    assert.ok(left > 6_000_000 && left <= 7_200_000, `${left}`)
    assert.equal(info.memoryMB, 512)
    assert.equal(await sandbox.isRunning(), true)
    assert.match(sandbox.getHost(3000), new RegExp(`^3000-${sandbox.sandboxId}\\.`))
  },

  async timeouts(sandbox) {
    const left = async () => (await sandbox.getInfo()).endAt.getTime() - Date.now()
    await sandbox.setTimeout(1_000_000)
    assert.ok((await left()) <= 1_000_000)
    await Sandbox.connect(sandbox.sandboxId, { timeoutMs: 10_000 })
    assert.ok((await left()) > 100_000, 'connecting only prolongs')
    await Sandbox.connect(sandbox.sandboxId, { timeoutMs: 10_000_000 })
    assert.ok((await left()) > 9_000_000)
    const error = await rejection(sandbox.setTimeout(10 ** 10))
    assert.ok(error instanceof SandboxError, String(error))
  },

  async listing(sandbox) {
    const others = []
    for (let i = 0; i < 5; i++) others.push(await Sandbox.create({ metadata: { group: 'js listing' }, timeoutMs: 7_200_000 }))
    try {
      const pages = Sandbox.list({ query: { metadata: { group: 'js listing' } }, limit: 2 })
      const found = []
      while (pages.hasNext) found.push(...(await pages.nextItems()).map((one) => one.sandboxId))
      assert.deepEqual(found, others.map((one) => one.sandboxId).reverse())
      const odd = await Sandbox.list({ query: { metadata } }).nextItems()
      assert.ok(odd.some((one) => one.sandboxId === sandbox.sandboxId))
      assert.deepEqual(await Sandbox.list({ query: { state: ['paused'] } }).nextItems(), [])
    } finally {
      for (const other of others) assert.equal(await other.kill(), true)
    }
  },

  async killed(sandbox) {
    const command = await sandbox.commands.run('sleep 1000', { background: true })
    const waiting = rejection(command.wait())
    assert.equal(await sandbox.kill(), true)
    const error = await waiting
    assert.ok(error instanceof TimeoutError, String(error))
    assert.equal(await sandbox.isRunning(), false)
    assert.equal(await sandbox.kill(), false)
    assert.ok((await rejection(sandbox.getInfo())) instanceof SandboxNotFoundError)
    assert.ok((await rejection(Sandbox.connect(sandbox.sandboxId))) instanceof SandboxNotFoundError)
    assert.ok((await rejection(sandbox.commands.run('true'))) instanceof SandboxNotFoundError)
  },

  async expired() {
    const short = await Sandbox.create()
    const command = await short.commands.run('sleep 1000', { background: true, timeoutMs: 0 })
    const waiting = rejection(command.wait())
    await short.setTimeout(1000)
    const error = await waiting
    assert.ok(error instanceof TimeoutError, String(error))
    assert.equal(await short.isRunning(), false)
  },

  async metrics(sandbox) {
    let samples = []
    for (const end = Date.now() + 600_000; samples.length === 0 && Date.now() < end; ) {
      samples = await sandbox.getMetrics()
    }
    assert.equal(samples[0].memTotal, 512 * 1024 * 1024)
    assert.ok(samples[0].timestamp instanceof Date)
  },

  async not_built(sandbox) {
    for (const work of [() => sandbox.pause(), () => sandbox.createSnapshot()]) {
      const error = await rejection(work())
      assert.ok(error instanceof SandboxError && String(error).includes('501'), String(error))
    }
    assert.equal(await sandbox.isRunning(), true)
    const template = await rejection(Sandbox.create('no-such-template'))
    assert.match(String(template), /no-such-template/)
    assert.equal(await Template.exists('base'), true)
    assert.equal(await Template.exists('no-such-template'), false)
  },

  async users(sandbox) {
    const who = (user) => sandbox.commands.run('id -un; pwd', { user })
    assert.equal((await who('root')).stdout, 'root\n/root\n')
    const unknown = await rejection(who('nobody-knows'))
    assert.ok(unknown instanceof AuthenticationError, String(unknown))
    assert.match(String(unknown), /invalid username: 'nobody-knows'/)
    const cwd = await rejection(sandbox.commands.run('pwd', { cwd: '/no/where' }))
    assert.ok(cwd instanceof InvalidArgumentError, String(cwd))
    assert.match(String(cwd), /cwd '\/no\/where' does not exist/)
  },

  async terminals(sandbox) {
    let seen = ''
    let wake = () => {}
    const until = async (text) => {
      while (!seen.includes(text)) await new Promise((resolve) => (wake = resolve))
    }
    const terminal = await sandbox.pty.create({
      cols: 80,
      rows: 24,
      onData: (data) => {
        seen += Buffer.from(data).toString()
        wake()
      },
      timeoutMs: 0,
    })
    const type = (text) => sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode(text))
    await type('stty size\n')
    await until('24 80\r\n')
    await sandbox.pty.resize(terminal.pid, { cols: 123, rows: 40 })
    await type('stty size\n')
    await until('40 123\r\n')
    await type('exit 4\n')
    const error = await rejection(terminal.wait())
    assert.ok(error instanceof CommandExitError && error.exitCode === 4, String(error))
    assert.equal(await sandbox.pty.kill(terminal.pid), false)
  },
}

async function rejection(promise) {
  const value = await promise.then((value) => ({ value }), (error) => ({ error }))
  assert.ok(value.error, `resolved to ${JSON.stringify(value.value)}`)
  return value.error
}

const name = process.argv[2]
assert.ok(Object.hasOwn(cases, name), `no case is called ${name}`)
const sandbox = await Sandbox.create({ timeoutMs: 7_200_000, metadata })
try {
  await cases[name](sandbox)
} finally {
  await sandbox.kill()
}
console.log('ok', name)
