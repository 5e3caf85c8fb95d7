# sqlite3: tables, joins, aggregates, windows, recursive queries, upsert, views, triggers, expressions.
# needs: sqlite3
cd "$(mktemp -d)"
sqlite3 t.db <<'S'
create table author(id integer primary key, name text not null unique);
create table book(id integer primary key autoincrement, author_id references author(id), title text, year int, price real default 9.5);
insert into author(name) values('Ann'),('Bob'),('Cyd');
insert into book(author_id,title,year) values(1,'First',2001),(1,'Second',2005),(2,'Third',2001);
insert into book(author_id,title,year,price) values(2,'Fourth',null,20);
select a.name, count(b.id) n, sum(b.price), min(year) from author a left join book b on b.author_id = a.id group by a.id order by n desc, a.name;
select title, rank() over (order by price desc, title), sum(price) over (partition by author_id order by id) from book order by id;
with recursive f(n, a, b) as (select 1, 0, 1 union all select n + 1, b, a + b from f where n < 10) select group_concat(a) from f;
select name from author where exists (select 1 from book where author_id = author.id and year = 2001) order by 1;
select year, group_concat(title, '/') from (select * from book order by title) group by year having count(*) > 1;
insert into author(id, name) values(1,'Ann') on conflict(id) do update set name = excluded.name || '!' returning id, name;
update book set price = price * 2 where year < 2005 returning title, price * 1.0 > 18;
delete from book where title like 'Fo%'; select changes(), count(*), last_insert_rowid() from book;
create view cheap as select title from book where price < 15; select * from cheap;
create table log(what); create trigger t after insert on author begin insert into log values('new ' || new.name); end;
insert into author(name) values('Dot'); select * from log;
select case when year is null then 'none' else cast(year as text) end, coalesce(year, 0), nullif(year, 2001), iif(price > 10, 'high', 'low') from book order by id;
select 7 / 2, 7 % 3, 7.0 / 2, 1 || 2, 5 & 3, 1 << 4, -5 / 2, 'a' < 'B', null is null, 1 = 1.0, 'x' like 'X', 'abc' glob 'a*', 10 between 1 and 20;
select substr('hello', 2, 3), upper('é a'), length('héllo'), replace('aXbX', 'X', '-'), trim('  x '), instr('abc', 'c'), printf('%05.2f|%-5s|%x', 3.14159, 'ab', 255), hex('az'), quote('it''s'), round(2.567, 1), abs(-3), typeof(1.5), unicode('a'), char(72, 105);
select date('2024-02-28', '+2 days'), strftime('%Y-%m-%d %H:%M:%S', 86400, 'unixepoch'), julianday('2000-01-01'), datetime('2024-01-31', '+1 month'), strftime('%j %w %W', '2024-03-01'), time('12:00', '-1 hour');
select distinct year from book order by year; select * from book order by year nulls last limit 1 offset 1;
select 1 union select 2 union all select 2 except select 1; select * from (values(1,'a'),(2,'b')); select max(1, 5, 3), min('b', 'a');
begin; delete from book; rollback; select count(*) from book; savepoint s; delete from book where id = 1; release s; select count(*) from book;
select json_extract('{"a":[1,{"b":2}]}', '$.a[1].b'), json_array(1, 'x', null), json_object('k', 1.5), json_array_length('[1,2,3]'), '{"x":5}' -> 'x', '{"x":"s"}' ->> '$.x', json_valid('{');
select key, value, type from json_each('{"a":1,"b":[2]}'); select json_group_array(name) from (select name from author order by name); select json_set('{"a":1}', '$.b', 2), json_remove('{"a":1,"b":2}', '$.a'), json_patch('{"a":1}', '{"a":null,"c":3}');
create index i on book(year); explain query plan select * from book where year = 2001;
create virtual table d using fts5(body); insert into d values('the quick brown fox'),('lazy dogs sleep'),('quick dogs run'); select body from d where d match 'quick AND dogs'; select highlight(d, 0, '[', ']') from d where d match 'dog*' order by rank, body;
create virtual table r using rtree(id, x0, x1, y0, y1); insert into r values(1,0,10,0,10),(2,20,30,20,30); select id from r where x0 <= 5 and x1 >= 5 and y0 <= 5 and y1 >= 5;
create table g(a, b generated always as (a * 2) stored); insert into g(a) values(4); select * from g; create table w(k primary key, v) without rowid; insert into w values('b',1),('a',2); select * from w; create table st(i int, t text) strict; select ceil(1.2), floor(-1.2), pow(2, 10), sqrt(16), log2(8), pi() > 3.14, mod(10, 3);
S
echo "exit $?"; sqlite3 t.db 'pragma integrity_check; pragma foreign_key_check; pragma user_version = 5; pragma user_version; pragma encoding; pragma journal_mode'
