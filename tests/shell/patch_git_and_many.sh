# patch: git's patches (new, deleted, renamed, modes), several files, directories, quoted names, -E -l -i -F -u, backups.
# needs: patch diffutils
cd "$(mktemp -d)"
printf 'a\nb\nc\n' >old.txt; printf 'gone\n' >del.txt; echo script >run.sh
cat >git.diff <<'D'
diff --git a/new file.txt b/new file.txt
new file mode 100644
index 0000000..257cc56
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+foo
diff --git a/del.txt b/del.txt
deleted file mode 100644
index ace2c4a..0000000
--- a/del.txt
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/old.txt b/renamed.txt
similarity index 60%
rename from old.txt
rename to renamed.txt
index de98044..e1a0ee0 100644
--- a/old.txt
+++ b/renamed.txt
@@ -1,3 +1,3 @@
 a
-b
+B
 c
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
D
patch -p1 <git.diff; echo "exit $?"; ls | grep -v diff; cat renamed.txt 'new file.txt'; [ -x run.sh ] && echo executable
patch -p1 -R <git.diff; echo "exit $?"; cat old.txt del.txt; ls
mkdir -p one two; seq 10 >one/x; seq 20 30 >one/y; cp -r one/. two; sed -i 's/5/five/' two/x; sed -i 's/25/twenty five/' two/y; diff -ru one two >m.diff; (cd one && patch -p1 <../m.diff); diff -r one two && echo equal; patch -p1 -d one -R -i ../m.diff
printf 'tab\there\nx\n' >ws; printf -- '--- ws\n+++ ws\n@@ -1,2 +1,2 @@\n tab   here\n-x\n+y\n' >ws.diff; patch -f ws <ws.diff; echo "exit $?"; rm -f ws.rej ws.orig; patch -l ws <ws.diff; cat ws; seq 9 >f; sed 's/5/V/' f | diff -u f - | sed 's/^ 4/ four/' >fz.diff; patch -F0 f <fz.diff; echo "exit $?"; rm -f f.rej f.orig; patch -F3 f <fz.diff; echo "exit $?"; rm -f f.orig; sed -n 5p f; printf 'only\n' >e; diff -u e /dev/null | sed 's/\t.*//' >e.diff; patch -E e <e.diff; ls e; echo "exit $?"
seq 5 >b; sed 's/3/three/' b | diff -u b - >b.diff; patch -b b <b.diff; ls b*; patch -R -V numbered b <b.diff; ls b*; patch -B pre/ b <b.diff; find pre -type f; patch -t b <b.diff; cat b; rm -f b.rej; printf 'no patch here\n' >n; patch b n; echo "exit $?"; patch --quoting-style=shell -R b <b.diff; patch -u b <b.diff; patch -n b <b.diff; echo "exit $?"; rm -f b.rej; sed '$d' b.diff >trunc.diff; patch -f -R b <trunc.diff; echo "exit $?"; rm -f b.rej b.orig; cp b ro; chmod 444 ro; patch -R ro <b.diff 2>/dev/null; echo "exit $?"; patch --read-only=fail ro <b.diff 2>/dev/null; echo "exit $?"; patch --version | head -n 1 | cut -d' ' -f1,2; patch -r - b <b.diff >/dev/null; echo "exit $?"; patch --reject-format=context -N b <b.diff >/dev/null; echo "exit $?"; ls *.rej 2>/dev/null | head -n 2; (cat b.diff; cat fz.diff) | patch --dry-run -f b | head -n 2
