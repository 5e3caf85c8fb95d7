// The files of a sandbox in JavaScript: one case per argument, each in a sandbox of its own. A case asserts by itself and
// prints "ok CASE"; tests/it/filesystem.rs runs them all.
import assert from 'node:assert/strict'

import {
  FileNotFoundError,
  FilesystemEventType,
  FileType,
  InvalidArgumentError,
  Sandbox,
} from 'e2b'

const cases = {
  async write_and_read(sandbox) {
    const info = await sandbox.files.write('notes/a.txt', 'hällo')
    assert.deepEqual([info.path, info.name, info.type], ['/home/user/notes/a.txt', 'a.txt', 'file'])
    assert.equal(await sandbox.files.read('~/notes/a.txt'), 'hällo')
    const bytes = await sandbox.files.read('notes/a.txt', { format: 'bytes' })
    assert.equal(Buffer.from(bytes).toString(), 'hällo')
    const blob = await sandbox.files.read('notes/a.txt', { format: 'blob' })
    assert.equal(await blob.text(), 'hällo')
    const stream = await sandbox.files.read('notes/a.txt', { format: 'stream' })
    assert.equal(await new Response(stream).text(), 'hällo')
    await sandbox.files.write('notes/a.txt', '')
    assert.equal(await sandbox.files.read('notes/a.txt'), '')
    assert.ok((await rejection(sandbox.files.read('none'))) instanceof FileNotFoundError)
    assert.ok((await rejection(sandbox.files.read('/tmp'))) instanceof InvalidArgumentError)
    assert.ok((await rejection(sandbox.files.write('/tmp', 'x'))) instanceof InvalidArgumentError)
  },

  async forms_of_uploads(sandbox) {
    const many = Array.from({ length: 20 }, (_, index) => ({ path: `many/${index}`, data: `${index}` }))
    const written = await sandbox.files.writeFiles(many)
    assert.deepEqual(written.map((one) => one.path), many.map((one) => `/home/user/${one.path}`))
    const text = 'compress me '.repeat(10_000)
    await sandbox.files.write('packed', text, { gzip: true })
    assert.equal(await sandbox.files.read('packed', { gzip: true }), text)
    await sandbox.files.write('octets', new Blob([text]), { useOctetStream: true })
    assert.equal((await sandbox.files.getInfo('octets')).size, text.length)
    const streamed = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 10; i++) controller.enqueue(new TextEncoder().encode('piece '))
        controller.close()
      },
    })
    await sandbox.files.write('streamed', streamed)
    assert.equal(await sandbox.files.read('streamed'), 'piece '.repeat(10))
  },

  async metadata(sandbox) {
    const expected = { author: 'me', purpose: 'a test' }
    const written = await sandbox.files.write('m', '1', { metadata: { Author: 'me', purpose: 'a test' } })
    assert.deepEqual(written.metadata, expected)
    assert.deepEqual((await sandbox.files.getInfo('m')).metadata, expected)
    await sandbox.files.write('m', '2')
    assert.equal((await sandbox.files.getInfo('m')).metadata, undefined)
  },

  async entries(sandbox) {
    await sandbox.files.write('dir/file', '12345')
    await sandbox.commands.run('chmod 640 dir/file; ln -s file dir/link; mkdir -p dir/sub/deep')
    const list = await sandbox.files.list('dir')
    const file = list.find((one) => one.name === 'file')
    assert.deepEqual([file.type, file.size, file.mode, file.permissions], [FileType.FILE, 5, 0o640, '-rw-r-----'])
    assert.deepEqual([file.owner, file.group], ['user', 'user'])
    assert.ok(Math.abs(file.modifiedTime.getTime() - Date.now()) < 600_000)
    const link = list.find((one) => one.name === 'link')
    assert.equal(link.symlinkTarget, '/home/user/dir/file')
    const deep = await sandbox.files.list('dir', { depth: 2 })
    assert.ok(deep.some((one) => one.path === '/home/user/dir/sub/deep'))
    assert.equal(await sandbox.files.makeDir('dir/sub'), false)
    assert.equal(await sandbox.files.makeDir('dir/other'), true)
    assert.ok((await rejection(sandbox.files.makeDir('dir/file'))) instanceof InvalidArgumentError)
    const moved = await sandbox.files.rename('dir/file', 'else/where')
    assert.equal(moved.path, '/home/user/else/where')
    assert.equal(await sandbox.files.exists('dir/file'), false)
    await sandbox.files.remove('dir')
    await sandbox.files.remove('dir')
    assert.equal(await sandbox.files.exists('dir'), false)
    assert.ok((await rejection(sandbox.files.list('dir'))) instanceof FileNotFoundError)
    assert.ok((await rejection(sandbox.files.rename('dir', 'x'))) instanceof FileNotFoundError)
  },

  async signed_urls(sandbox) {
    await sandbox.files.write('signed.txt', 'by url')
    const url = await sandbox.downloadUrl('signed.txt', { useSignatureExpiration: 100 })
    assert.equal(await (await fetch(url)).text(), 'by url')
    const part = await fetch(url, { headers: { Range: 'bytes=3-5', 'Accept-Encoding': 'identity' } })
    assert.deepEqual([part.status, await part.text()], [206, 'url'])
    const upload = await sandbox.uploadUrl('up.txt', { user: 'root' })
    const form = new FormData()
    form.append('file', new Blob(['put here']), 'up.txt')
    assert.equal((await fetch(upload, { method: 'POST', body: form })).status, 200)
    assert.equal(await sandbox.files.read('/root/up.txt', { user: 'root' }), 'put here')
    assert.equal((await fetch(upload)).status, 401)
  },

  async watching(sandbox) {
    await sandbox.files.makeDir('w/sub')
    const seen = []
    let wake = () => {}
    const handle = await sandbox.files.watchDir(
      'w',
      (event) => {
        seen.push(event)
        wake()
      },
      { recursive: true, includeEntry: true, timeoutMs: 0 },
    )
    const until = async (type, name) => {
      for (;;) {
        const found = seen.find((event) => event.type === type && event.name === name)
        if (found) return found
        await new Promise((resolve) => (wake = resolve))
      }
    }
    await sandbox.files.write('w/sub/b.txt', '22')
    const written = await until(FilesystemEventType.WRITE, 'sub/b.txt')
    assert.equal(written.entry.path, '/home/user/w/sub/b.txt')
    await sandbox.files.rename('w/sub/b.txt', 'w/c.txt')
    await until(FilesystemEventType.RENAME, 'sub/b.txt')
    await until(FilesystemEventType.CREATE, 'c.txt')
    await sandbox.files.remove('w/c.txt')
    assert.equal((await until(FilesystemEventType.REMOVE, 'c.txt')).entry, undefined)
    await sandbox.commands.run('mkdir w/d && chmod 700 w/d')
    await until(FilesystemEventType.CHMOD, 'd')
    await handle.stop()
    assert.ok((await rejection(sandbox.files.watchDir('none', () => {}))) instanceof FileNotFoundError)
    const file = await rejection(sandbox.files.watchDir('/etc/passwd', () => {}))
    assert.ok(file instanceof InvalidArgumentError, String(file))
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
