// Counts the words of a file and of its standard input, beside what a program finds.
import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.12'
import { exitWithCode } from 'wasi:cli/exit@0.2.12'
import { getStdin } from 'wasi:cli/stdin@0.2.12'
import { getStdout } from 'wasi:cli/stdout@0.2.12'
import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'

// 64 bits are a number in QuickJS and a BigInt in StarlingMonkey, which has a console.
const u64 = globalThis.console ? BigInt : Number

function say(value) {
  const line = JSON.stringify(value) + '\n'
  getStdout().blockingWriteAndFlush(Uint8Array.from(line, (c) => c.charCodeAt(0)))
}

function readAll(stream) {
  let text = ''
  for (;;) {
    try {
      text += String.fromCharCode(...stream.blockingRead(u64(4096)))
    } catch (error) {
      if ((error.payload ?? error).tag === 'closed') return text
      throw error
    }
  }
}

function count(text) {
  const counts = {}
  for (const word of text.match(/\w+/g) ?? []) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

export const run = {
  run() {
    say(getArguments().slice(1))
    say(Object.fromEntries(getEnvironment()).NAME)
    const [[here]] = getDirectories()
    try {
      here.openAt({}, 'missing', {}, { read: true })
    } catch (error) {
      say(error.payload ?? error)
    }
    say(count(readAll(here.openAt({}, 'words', {}, { read: true }).readViaStream(u64(0)))))
    say(count(readAll(getStdin())))
    exitWithCode(7)
  },
}
