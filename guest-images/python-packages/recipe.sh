#!/bin/sh
# The packages that the python image brings: wheels as they are (requirements.txt); what only has native wheels, from its source
# without the native part (`sources`); the Python files of pydantic-core, whose native part is in the interpreter. Makes
# OUT/python-packages.tree and licenses/python-packages.
# Environment: as for the other recipes (lib.sh); the wheels are in SRC/wheels, where `build` downloads them.
. "$(dirname "$0")/../lib.sh"
tree=$OUT/python-packages.tree
site=$tree/usr/lib/python3.14/site-packages
rm -rf "$tree"
mkdir -p "$site" "$tree/usr/bin"

# from_source NAME VERSION FOLDER PACKAGE: the Python files of FOLDER/PACKAGE in a source.
from_source() {
	unpack "$1" "$1_$2.orig.tar.gz"
	mkdir -p "$site/$4"
	cp "$3/$4"/*.py "$site/$4/"
	[ -f PKG-INFO ] || metadata "$1" "$2" >PKG-INFO
	python3.14 "$here/install.py" source "$site" PKG-INFO "$4"
}

# metadata NAME VERSION: what a source that is not PyPI's lacks.
metadata() {
	printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' "$1" "$2"
}

python3.14 "$here/install.py" wheels "$site" "$tree/usr/bin" "$SRC/wheels" "$here/requirements.txt"
from_source markupsafe 3.0.3 src markupsafe
from_source pyyaml 6.0.2 lib yaml
pydantic_core=$DEPS/usr/share/pydantic-core
cp -r "$pydantic_core/pydantic_core" "$site/"
python3.14 "$here/install.py" source "$site" "$pydantic_core/PKG-INFO" pydantic_core
python3.14 "$here/install.py" licences "$site" "$images/licenses/python-packages"

# Times are not looked at, as in the interpreter's own library: the image does not change.
python3.14 -m compileall -q -j "$JOBS" --invalidation-mode unchecked-hash -s "$tree" -p / "$site"
find "$tree" -type f -exec chmod 644 {} +
chmod 755 "$tree"/usr/bin/*
