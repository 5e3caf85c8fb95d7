# sqlite3: several processes at one file: locks, busy timeout, transactions seen, large tables, attach.
# needs: sqlite3
cd "$(mktemp -d)"
sqlite3 t.db 'create table n(i integer primary key, v)'
for p in 1 2 3 4; do (for i in 1 2 3 4 5; do sqlite3 -cmd '.timeout 900000' t.db "insert into n(v) values('$p-$i')" >/dev/null; done) & done; wait
sqlite3 t.db 'select count(*), count(distinct v), max(i) from n'
mkfifo ask; sqlite3 t.db <ask >held.txt & exec 3>ask; echo "begin exclusive; insert into n(v) values('held'); select 'locked';" >&3
until grep -q locked held.txt; do sleep 0.05; done
sqlite3 t.db 'select count(*) from n' 2>&1 | sed 's/.*database/database/; s/ (5)//'; sqlite3 t.db "insert into n(v) values('x')" 2>/dev/null; echo "fails $(($? != 0))"
echo 'commit;' >&3; exec 3>&-; wait; sqlite3 t.db 'select count(*) from n'
sqlite3 big.db "create table b(i, t); with recursive c(x) as (select 1 union all select x + 1 from c where x < 50000) insert into b select x, 'row ' || x from c; create index bi on b(t); select count(*), sum(i), max(length(t)) from b; select i from b where t = 'row 4242'; delete from b where i % 2; select count(*) from b; vacuum; pragma integrity_check; select count(*) from b where t like 'row 99%'"
sqlite3 one.db 'create table x(a); insert into x values(1)'; sqlite3 two.db "create table y(b); insert into y values(2); attach 'one.db' as o; select a, b from o.x, y; insert into o.x select b from y; detach o"; sqlite3 one.db 'select group_concat(a) from x'
sqlite3 :memory: 'create temp table t(a); insert into t values(zeroblob(1000000)); select length(a) from t'; seq 1000 | sqlite3 imp.db '.mode list' 'create table s(n int)' '.import /dev/stdin s' 'select sum(n) from s'
ls -1 *.db-journal 2>/dev/null; sqlite3 t.db 'pragma page_size; pragma cache_size = 100; pragma temp_store; pragma locking_mode'; sqlite3 'file:t.db?mode=ro' 'select count(*) from n'; sqlite3 t.db "select name, sql from sqlite_master order by name"
sqlite3 t.db <<<'select i from n order by i desc limit 1;' | while read -r i; do echo "last $i"; done; for v in a b; do sqlite3 t.db "select '$v', count(*) from n where v like '%$((RANDOM % 1))%' and 0"; done
