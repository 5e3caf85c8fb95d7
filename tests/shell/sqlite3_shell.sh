# sqlite3: output modes, dot commands, import and export, dump and restore, options.
# needs: sqlite3
cd "$(mktemp -d)"
printf 'id,name,score\n1,"Ann, A",2.5\n2,Bob,\n3,"Q ""x""",7\n' >in.csv
sqlite3 t.db <<'S'
create table people(id integer, name text, score real);
.mode csv
.import --skip 1 in.csv people
.mode list
select * from people;
.headers on
select id, name from people limit 1;
.separator |
.mode tabs
select id, score from people where id <> 2;
.mode insert people
select id, name from people;
.mode json
select id, name from people;
.mode quote
select 1, 'a''b', null, 2.5;
.mode markdown
select name from people;
.mode table
select name from people limit 2;
.mode list
.nullvalue NONE
select null, 1;
.headers off
.tables
.schema people
.output out.txt
select 'to file';
.output
.print printed
.once once.txt
select 'once';
.indexes
S
echo "exit $?"; cat out.txt once.txt
sqlite3 t.db .dump >dump.sql; head -n 2 dump.sql; sqlite3 copy.db <dump.sql; sqlite3 copy.db 'select count(*), sum(score) from people'
sqlite3 t.db '.backup back.db'; sqlite3 back.db 'select max(id) from people'; sqlite3 t.db '.clone c.db' >/dev/null; sqlite3 c.db 'select min(id) from people'; sqlite3 t.db 'vacuum into "v.db"'; sqlite3 v.db .tables
sqlite3 -header -csv t.db 'select id, name from people limit 2' | tr -d '\r'; sqlite3 -json t.db 'select 1 a, null b, 2.5 c'; sqlite3 -separator ';' :memory: 'select 1, 2'; sqlite3 -nullvalue - :memory: 'select null'; sqlite3 -tabs :memory: 'select 1, 2'
sqlite3 -cmd 'create table q(a)' :memory: 'insert into q values(3); select a from q'; echo 'select 42;' | sqlite3; echo 'select 1; select 2;' >s.sql; sqlite3 :memory: '.read s.sql'; sqlite3 t.db <s.sql; sqlite3 -batch -init s.sql :memory: 'select 3' 2>/dev/null; sqlite3 -quote :memory: "select 'x', 1.0"
sqlite3 -readonly t.db 'delete from people' 2>/dev/null; echo "fails $(($? != 0))"; sqlite3 t.db 'select count(*) from people where name = :n' ; printf '.parameter set :n Bob\nselect score is null, :n from people where name = :n;\n' | sqlite3 t.db; sqlite3 t.db "select writefile('w.txt', 'abc'), readfile('w.txt')" | head -n 1; cat w.txt; echo
sqlite3 t.db '.mode list' '.headers on' 'select 7 as seven'; sqlite3 t.db '.system echo from shell'; sqlite3 t.db '.shell exit 3'; sqlite3 t.db "select * from pragma_table_info('people')"; sqlite3 t.db '.import --csv --skip 1 in.csv people' 'select count(*) from people'; sqlite3 t.db '.import "|printf 9,z,1" people' 2>/dev/null; sqlite3 :memory: "select 'abc' regexp 'a.c', value from generate_series(1,3)"
