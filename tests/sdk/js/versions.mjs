// Imports the official SDKs and prints the versions that were installed.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Sandbox as Plain } from 'e2b'
import { Sandbox as Interpreter } from '@e2b/code-interpreter'

for (const [name, Sandbox] of [['e2b', Plain], ['@e2b/code-interpreter', Interpreter]]) {
  if (typeof Sandbox.create !== 'function') throw new Error(`${name} has no Sandbox.create`)
  let folder = dirname(createRequire(import.meta.url).resolve(name))
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (manifest.name === name) {
        console.log(name, manifest.version)
        break
      }
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    folder = dirname(folder)
  }
}
