// Counts the words of its standard input, beside what a program finds; compiled by AssemblyScript with its shim for WASI.
console.log('arguments ' + process.argv.slice(1).join(','))
console.log('NAME ' + process.env.get('NAME'))
console.log('random ' + (Math.random() < 1).toString() + ' now ' + (Date.now() > 1600000000000).toString())

let text = ''
const buffer = new ArrayBuffer(4096)
for (let count = process.stdin.read(buffer); count > 0; count = process.stdin.read(buffer)) {
  text += String.UTF8.decode(buffer.slice(0, count))
}
const counts = new Map<string, i32>()
const words = text.split('\n').join(' ').split(' ')
for (let i = 0; i < words.length; i++) {
  if (words[i] != '') counts.set(words[i], (counts.has(words[i]) ? counts.get(words[i]) : 0) + 1)
}
const names = counts.keys().sort()
for (let i = 0; i < names.length; i++) console.log(names[i] + ' ' + counts.get(names[i]).toString())
process.stderr.write('done\n')
process.exit(7)
