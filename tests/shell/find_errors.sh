# find: what it says of wrong arguments, missing and unreadable directories, and how it ends.
# needs: findutils
cd "$(mktemp -d)"
mkdir d; : >d/f
find nowhere; echo "exit $?"
find d nowhere -name f; echo "exit $?"
find d -nosuchtest; echo "exit $?"
find d -name; echo "exit $?"
find d -type x; echo "exit $?"
find d -type ff 2>/dev/null; echo "exit $?"
find d -size abc; echo "exit $?"
find d -exec echo; echo "exit $?"
find d \( -name f; echo "exit $?"
find d -name f \); echo "exit $?"
find d ! ; echo "exit $?"
find d -maxdepth x 2>/dev/null; echo "exit $?"
find d -mtime z 2>/dev/null; echo "exit $?"
find d -newer nofile; echo "exit $?"
find d -perm 9 2>/dev/null; echo "exit $?"
find d -user nosuchuser 2>/dev/null; echo "exit $?"
find d -regextype none 2>/dev/null; echo "exit $?"
find d -printf 2>/dev/null; echo "exit $?"
find d -o 2>/dev/null; echo "exit $?"
chmod 000 d
find d; echo "exit $?"
chmod 755 d
find d -exec echo {} {} + 2>/dev/null; echo "exit $?"
ln -s loop loop; find -L loop; echo "exit $?"
mkdir -p c/d; ln -s .. c/d/up; find -L c 2>&1 | sed 's/; .*//' | head -n 3
find d -name 'a/b' 2>/dev/null; echo "exit $?"
