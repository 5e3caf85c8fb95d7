# Vim script: types, functions, patterns, files, shell commands, file types.
# needs: vim vim-runtime
cd "$(mktemp -d)" || exit
export TERM=dumb
cat >s.vim <<'VIM'
let out = []
function! Fib(n)
  return a:n < 2 ? a:n : Fib(a:n - 1) + Fib(a:n - 2)
endfunction
call add(out, 'fib ' . Fib(15))
call add(out, join(map(range(5), 'v:val * v:val'), ' '))
call add(out, json_encode({'a': [1, 2.5, v:null], 'b': 'x"y'}))
call add(out, string(json_decode('{"k": [true, "v"]}')))
call add(out, substitute('hello world', '\v(\w+) (\w+)', '\u\2 \u\1', ''))
call add(out, string(split('a,b,,c', ',', 1)))
call add(out, printf('%05.2f %x %-4s| %s', 3.14159, 255, 'ab', [1]))
call add(out, string(sort([3, 1, 2], {a, b -> b - a})))
try
  throw 'oops'
catch /oo/
  call add(out, 'caught ' . v:exception)
finally
  call add(out, 'finally')
endtry
call add(out, matchstr('key=value', '=\zs.*'))
call add(out, string(systemlist('printf "1\n2\n"')) . v:shell_error)
call add(out, trim(system('cat; exit 3', 'input')) . v:shell_error)
call add(out, fnamemodify('/a/b/c.tar.gz', ':t:r'))
call add(out, string(glob('*.vim', 0, 1)))
call add(out, 'strchars ' . strchars('äöü') . ' ' . strlen('äöü') . ' ' . toupper('äö'))
call add(out, string(reverse([1, 2])) . string(has('eval')) . exists('*Fib'))
call add(out, sha256('x')[:15])
for n in ['a.c', 'a.py', 'a.sh', 'Makefile', 'a.rs', 'a.md', 'a.json', 'a.html', 'Dockerfile', 'a.js']
  exe 'silent! edit ' . n
  call add(out, n . ' ' . &filetype)
endfor
call writefile(out, 'out')
qa!
VIM
vim -u NONE -i NONE -n -es --cmd 'filetype on' -S s.vim; echo $?
cat out
vim -i NONE -n -es -c 'set ft=c' -c 'call writefile([&cindent, synIDattr(1, "name"), &syntax], "o2")' -c 'qa!'; cat o2
printf 'int x; /* c */\n"s"\n' >a.c
vim -u NONE -i NONE -n -es -c 'syntax on' -c 'e a.c' -c 'call writefile([synIDattr(synID(1, 1, 1), "name"), synIDattr(synID(1, 9, 1), "name"), synIDattr(synID(2, 2, 1), "name")], "o3")' -c 'qa!'; cat o3
cat >j.vim <<'VIM'
let got = []
let j = job_start(['sh', '-c', 'echo out; echo two; exit 4'], {'out_cb': {c, m -> add(got, m)}})
while job_status(j) ==# 'run' || ch_status(j) !=# 'closed' | sleep 10m | endwhile
call writefile(got, 'o4')
qa!
VIM
vim -u NONE -i NONE -n -es -S j.vim; cat o4
