# python3: options, environment and modules of the program's own, as at every start
# needs: python3 python3-venv zip
# image: python
d=$(mktemp -d) && cd "$d" || exit 1
show='import sys, os; print(sys.argv, sys.flags.optimize, sys.flags.isolated, sys.flags.ignore_environment, sys.flags.no_site, sys.flags.no_user_site, sys.flags.dont_write_bytecode, sys.flags.quiet, sys.flags.inspect, sys.flags.hash_randomization, sys.flags.bytes_warning, sys.flags.safe_path, sys.flags.utf8_mode)'
for options in '' -I -E -s -S -B -q -O -OO -b -bb -P -u '-X utf8' '-X utf8=0' '-W error' -EsBq '-X dev' -R; do
	echo "== $options"
	python3 $options -c "$show" one two
done
echo '== orig_argv and warnings'
python3 -W ignore -W error::UserWarning -X a=b -c 'import sys; print(sys.orig_argv[1:], sys.warnoptions, sys._xoptions)'
echo '== environment'
for variable in PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONOPTIMIZE=1 PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONUTF8=1 PYTHONHASHSEED=0 PYTHONHASHSEED=random PYTHONWARNINGS=error LC_ALL=C LC_ALL=POSIX; do
	echo "== $variable"
	env $variable python3 -c "$show"
	env $variable python3 -c 'import sys, os; print(sys.stdout.encoding, sys.stdout.errors, sys.stdout.write_through, sys.getfilesystemencoding())'
done
env -i LC_ALL=C.UTF-8 /usr/bin/python3 -c 'import os; print(dict(os.environ))'
env -i LC_ALL=C.UTF-8 A=1 B=ü /usr/bin/python3 -c 'import os; print(sorted(os.environ.items()), os.environb[b"B"], os.getenv("A"))'
PYTHONIOENCODING=latin-1:replace python3 -c 'import sys; print(sys.stdout.encoding, sys.stdout.errors)'
python3 -c 'import os; os.environ["X"] = "1"; os.system("echo $X"); del os.environ["X"]; os.system("echo ${X-gone}")'
PYTHONHASHSEED=7 python3 -c 'print(hash("a") == hash("a"))'
PYTHONHASHSEED=x python3 -c 'print(1)' 2>/dev/null; echo $?
echo '== where code comes from'
mkdir own && cd own
echo 'print("own json"); dumps = len' >json.py
echo 'import json; print(json.dumps("abc"), json.__file__ == __file__.replace("main.py", "json.py"))' >main.py
python3 main.py; python3 -m main; python3 -c 'import json; print(json.dumps("abcd"))'; echo 'import json; print(json.dumps("abcde"))' | python3
python3 -I -c 'import json; print(json.dumps("abc"))'; python3 -P -c 'import json; print(json.dumps("abc"))'
cd .. && PYTHONPATH=$d/own python3 -c 'import json; print(json.dumps("abcdef"))'
PYTHONPATH=$d/own python3 -E -c 'import json; print(json.dumps("abc"))'
python3 -c 'import sys; sys.path.insert(0, "own"); import json; print(json.dumps("ab"))'
mkdir socket; python3 -c 'import socket; print(socket.AF_INET.name)'
echo 'raise ImportError("mine")' >subprocess.py; python3 -c '
try:
    import asyncio
    print("not mine")
except ImportError as e:
    print(e)'
rm subprocess.py
python3 -c 'import sys; print([n for n in ("json", "asyncio", "random", "socket", "logging", "argparse", "ast") if n in sys.modules])'
python3 -c '
import sys, json
first = json; del sys.modules["json"]
import json
print(first is json, json.loads("[1]"))'
python3 -c '
import sys
sys.modules["socket"] = None
try:
    import asyncio
except ImportError as e:
    print("no socket")'
python3 -c '
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        print("looked for", name) if name == "json" else None
sys.meta_path.insert(0, Finder())
import json'
printf 'import sys, json\nprint(sys.argv[1:], __name__, json.dumps([1]))\n' >script.py
python3 script.py a b; python3 ./script.py; python3 - c <script.py
{ echo 'not python'; cat script.py; } >skipped; python3 -x skipped d
printf '#!/usr/bin/python3\nimport sys; print("script", sys.argv[0])\n' >executable && chmod +x executable && ./executable
python3 -m json.tool </dev/null 2>/dev/null; echo $?
echo '{"b": [1, 2]}' | python3 -m json.tool --compact
ln -s "$(command -v python3)" renamed; ./renamed -c 'import sys, os; print(os.path.basename(sys.executable), sys.prefix)'
python3 nothing.py 2>/dev/null; echo $?; python3 -c 'raise SystemExit(4)'; echo $?; python3 -c 'import json; json.loads("")' 2>&1 | tail -n 1
echo '== streams'
python3 -c 'import sys; print(sys.stdin)' <&-; python3 -c 'import sys; print(sys.stdout, file=sys.stderr)' >&-
python3 -c 'import sys; print(sys.stdout.line_buffering, sys.stdin.isatty())' </dev/null | cat
echo 'input' | python3 -c 'print(input())'
python3 -u -c 'import sys; sys.stdout.write("unbuffered\n"); import os; os._exit(0)'
python3 -c 'import sys; sys.stdout.write("lost\n"); import os; os._exit(0)' | cat
python3 -i -c 'print("then")' </dev/null 2>/dev/null
echo '== time zone'
TZ=America/New_York python3 -c 'import time; print(time.tzname, time.timezone, time.localtime(0)[:5])'
TZ=UTC python3 -c 'import time; print(time.tzname, time.timezone)'
TZ=Asia/Tokyo python3 -c 'import datetime; print(datetime.datetime.fromtimestamp(0))'
echo '== signals'
(trap '' INT; exec python3 -c 'import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)')
python3 -c 'import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)'
python3 -c 'import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT); signal.pause()
except KeyboardInterrupt:
    print("interrupted")'
python3 -c 'while True: print("y" * 1000)' 2>/dev/null | head -c 3; echo " ${PIPESTATUS[1]}"
echo '== threads and children'
python3 -c 'import threading, os; print(threading.get_native_id() == os.getpid() == threading.main_thread().native_id, threading.current_thread().name)'
python3 -c 'import subprocess, sys; print(subprocess.run([sys.executable, "-c", "import json; print(json.dumps(1))"], capture_output=True, text=True).stdout, end="")'
python3 -c 'import asyncio
async def main():
    return await asyncio.to_thread(sum, [1, 2])
print(asyncio.run(main()))'
python3 -c 'import atexit; atexit.register(print, "at exit")
class C:
    def __del__(self): print("deleted")
c = C()'
echo '== more of the command line'
python3 - one two <<'EOF'
import sys
print(sys.argv, __name__, input.__name__)
EOF
echo 'print("as a module", __name__, __spec__.name)' >own/module_.py; (cd own && python3 -m module_; python3 -m module_ x)
mkdir own/package && echo 'print("package", __name__, __package__)' >own/package/__main__.py && (cd own && python3 -m package && python3 package)
(cd own/package && zip -q ../archive.zip __main__.py) && python3 own/archive.zip
python3 -V >/dev/null && python3 -h >/dev/null; echo $?; python3 -Z 2>/dev/null; echo $?; python3 -m nothing 2>/dev/null; echo $?
echo 'print("startup")' >startup.py
echo 'print(1 + 1)' | PYTHONSTARTUP=$d/startup.py python3 -i -q 2>/dev/null
echo 'print(1 + 1)' | PYTHONSTARTUP=$d/startup.py python3 -I -i -q 2>/dev/null
PYTHONHOME=/nowhere python3 -c 'print(1)' 2>/dev/null; echo $?
PYTHON_FROZEN_MODULES=off python3 -c 'import json; print(json.dumps([]))'; PYTHONSAFEPATH=1 python3 -c 'import sys; print("" in sys.path)'
PYTHONINTMAXSTRDIGITS=700 python3 -c 'import sys; print(sys.get_int_max_str_digits())'; python3 -X int_max_str_digits=0 -c 'import sys; print(sys.get_int_max_str_digits())'
PYTHONTRACEMALLOC=1 python3 -c 'import tracemalloc; print(tracemalloc.is_tracing())'; PYTHONFAULTHANDLER=1 python3 -c 'import faulthandler; print(faulthandler.is_enabled())'
PYTHONPYCACHEPREFIX=$d/cache python3 -c 'import sys; print(sys.pycache_prefix.endswith("/cache"))'; PYTHONPLATLIBDIR=lib python3 -c 'import sys; print(sys.platlibdir)'
PYTHONVERBOSE=1 python3 -c 'pass' 2>&1 | grep -q "^import 'site'" && echo verbose; PYTHONINSPECT=1 python3 -c 'print("inspected")' </dev/null 2>/dev/null
PYTHONASYNCIODEBUG=1 python3 -c 'import asyncio
async def main(): print(asyncio.get_running_loop().get_debug())
asyncio.run(main())'
PYTHONDEVMODE=1 python3 -c 'import sys; print(sys.flags.dev_mode, sys.warnoptions)'
echo '== own places'
(cd / && python3 -c 'import os, sys; print(os.getcwd(), sys.path[0] == "")'; umask 027; python3 -c 'import os; print(oct(os.umask(0)))')
python3 -m venv --without-pip v && v/bin/python -c 'import sys, site; print(sys.prefix == sys.argv[1] + "/v", sys.base_prefix == sys.prefix, site.getsitepackages()[0].startswith(sys.prefix), site.ENABLE_USER_SITE)' "$d"
site=$(v/bin/python -c 'import site; print(site.getsitepackages()[0])')
echo 'import sys; sys.from_pth = "a line of a .pth file"' >"$site/own.pth"; echo "$d/own" >>"$site/own.pth"
v/bin/python -c 'import sys, module_; print(sys.from_pth)'; v/bin/python -I -c 'import sys; print(sys.from_pth)'; v/bin/python -S -c 'import sys; print(hasattr(sys, "from_pth"))'
mkdir custom && echo 'import json; print("own site", json.dumps(1))' >custom/sitecustomize.py; PYTHONPATH=$d/custom python3 -c 'print("then")'; PYTHONPATH=$d/custom python3 -E -c 'print("without")'
. v/bin/activate && python -c 'import sys; print(sys.executable.endswith("/v/bin/python"))'; deactivate
mkdir -p "$HOME/.local/lib/python$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')/site-packages"
python3 -c 'import site, sys; print(site.USER_SITE in sys.path, site.ENABLE_USER_SITE)'; python3 -s -c 'import site, sys; print(site.USER_SITE in sys.path, site.ENABLE_USER_SITE)'
echo '== ids and clocks'
sh -c 'echo $$; exec python3 -c "import os; print(os.getpid())"' | uniq | wc -l
for i in 1 2 3; do python3 -c 'import os; print(os.getpid())'; done | sort -u | wc -l
python3 -c 'import sys, time
print(abs(time.time() - int(sys.argv[1])) < 100, time.monotonic() <= time.monotonic(), time.perf_counter() > 0, time.process_time() < 100)' "$(date +%s)"
LC_ALL=C.UTF-8 python3 -c 'import locale; print(locale.getpreferredencoding(), locale.setlocale(locale.LC_CTYPE))'
echo '== many processes'
cat >pool.py <<'EOF'
import concurrent.futures, multiprocessing, os, random, subprocess, sys
def work(n):
    return n * n, random.random()
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    with concurrent.futures.ProcessPoolExecutor(3) as pool:
        results = list(pool.map(work, range(6)))
    print([square for square, _ in results], len({number for _, number in results}))
    children = [subprocess.Popen([sys.executable, "-c", "import random; print(random.random())"], stdout=subprocess.PIPE) for _ in range(8)]
    print(len({child.communicate()[0] for child in children}))
EOF
python3 pool.py
