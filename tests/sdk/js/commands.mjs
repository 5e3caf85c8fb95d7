// commands.run in JavaScript: one case per argument, each in a sandbox of its own. A case asserts by
// itself and prints "ok CASE"; tests/it/commands.rs runs them all.
import assert from 'node:assert/strict'

import { CommandExitError, Sandbox, TimeoutError } from '@e2b/code-interpreter'

const cases = {
  async exit_code(sandbox) {
    const error = await rejection(sandbox.commands.run('echo out; echo err >&2; exit 7'))
    assert.ok(error instanceof CommandExitError, String(error))
    assert.equal(error.exitCode, 7)
    assert.equal(error.stdout, 'out\n')
    assert.equal(error.stderr, 'err\n')
  },

  async settings(sandbox) {
    const { stdout } = await sandbox.commands.run('echo "$GREETING"; pwd; id -un; id -u', {
      envs: { GREETING: "it's $HOME; `id`" },
      cwd: '/tmp',
      user: 'root',
    })
    assert.equal(stdout, "it's $HOME; `id`\n/tmp\nroot\n0\n")
    const plain = await sandbox.commands.run('echo "$HOME"; pwd; id -un')
    assert.equal(plain.stdout, '/home/user\n/home/user\nuser\n')
  },

  async timeout(sandbox) {
    const error = await rejection(sandbox.commands.run('sleep 1000', { timeoutMs: 500 }))
    assert.ok(error instanceof TimeoutError, String(error))
    assert.equal((await sandbox.commands.run('echo alive')).stdout, 'alive\n')
  },

  async timeout_of_a_spinning_command(sandbox) {
    const error = await rejection(sandbox.commands.run('while :; do :; done', { timeoutMs: 500 }))
    assert.ok(error instanceof TimeoutError, String(error))
    assert.equal((await sandbox.commands.run('echo alive')).stdout, 'alive\n')
  },

  // The second line can only be printed after the first was seen here: it needs our answer.
  async streaming(sandbox) {
    let seen
    const first = new Promise((resolve) => (seen = resolve))
    const command = await sandbox.commands.run('echo first; read -r line; echo "second $line"', {
      background: true,
      stdin: true,
      onStdout: (data) => data.includes('first') && seen(),
    })
    await first
    await sandbox.commands.sendStdin(command.pid, 'answer\n')
    const result = await command.wait()
    assert.equal(result.stdout, 'first\nsecond answer\n')
  },

  async stdin_to_its_end(sandbox) {
    const command = await sandbox.commands.run('sort', { background: true, stdin: true })
    await sandbox.commands.sendStdin(command.pid, 'pear\napple\n')
    await sandbox.commands.closeStdin(command.pid)
    assert.equal((await command.wait()).stdout, 'apple\npear\n')
  },

  async kill(sandbox) {
    const command = await sandbox.commands.run('sleep 1000', { background: true })
    const listed = await sandbox.commands.list()
    assert.ok(listed.some((process) => process.pid === command.pid))
    assert.equal(await command.kill(), true)
    const error = await rejection(command.wait())
    assert.ok(error instanceof CommandExitError, String(error))
    assert.equal(error.exitCode, -1)
    assert.equal(await sandbox.commands.kill(command.pid), false)
    assert.ok(!(await sandbox.commands.list()).some((process) => process.pid === command.pid))
  },

  async connect(sandbox) {
    const started = await sandbox.commands.run('read -r line; echo "got $line"', {
      background: true,
      stdin: true,
    })
    const again = await Sandbox.connect(sandbox.sandboxId)
    const command = await again.commands.connect(started.pid)
    await again.commands.sendStdin(command.pid, 'it\n')
    assert.equal((await command.wait()).stdout, 'got it\n')
  },

  async files(sandbox) {
    const text = 'line\n'.repeat(20_000) + '\u{1F980}'
    await sandbox.files.write('/home/user/made/deep/file.txt', text)
    assert.equal(await sandbox.files.read('/home/user/made/deep/file.txt'), text)
    const { stdout } = await sandbox.commands.run('wc -c < made/deep/file.txt; stat -c %U:%a made/deep/file.txt')
    assert.equal(stdout, `${Buffer.byteLength(text)}\nuser:644\n`)
    const error = await rejection(sandbox.files.read('/home/user/none'))
    assert.equal(error.constructor.name, 'FileNotFoundError')
  },

  async large_output(sandbox) {
    const { stdout } = await sandbox.commands.run('seq 1 200000')
    const expected = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('')
    assert.ok(stdout === expected, `${stdout.length} characters instead of ${expected.length}`)
  },

  async lifetime(sandbox) {
    await sandbox.setTimeout(20_000_000)
    const info = await sandbox.getInfo()
    assert.equal(info.sandboxId, sandbox.sandboxId)
    assert.ok(info.endAt.getTime() - Date.now() > 10_000_000, String(info.endAt))
    const pages = Sandbox.list()
    const ids = []
    while (pages.hasNext) ids.push(...(await pages.nextItems()).map((each) => each.sandboxId))
    assert.ok(ids.includes(sandbox.sandboxId), ids.join())
  },
}

async function rejection(promise) {
  const value = await promise.then((value) => ({ value }), (error) => ({ error }))
  assert.ok(value.error, `resolved to ${JSON.stringify(value.value)}`)
  return value.error
}

const name = process.argv[2]
assert.ok(Object.hasOwn(cases, name), `no case is called ${name}`)
const sandbox = await Sandbox.create({ timeoutMs: 7_200_000 })
try {
  await cases[name](sandbox)
} finally {
  await sandbox.kill()
}
console.log('ok', name)
