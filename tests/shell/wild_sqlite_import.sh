# Data imported into SQLite, queried, changed in a transaction, exported.
# needs: sqlite3
set -eu
cd "$(mktemp -d)"
for i in $(seq 1 50); do echo "$i,user$i,$((i * 13 % 97)),$([ $((i % 3)) -eq 0 ] && echo gold || echo basic)"; done > users.csv
sqlite3 app.db <<'EOF'
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, score INTEGER CHECK (score >= 0), plan TEXT);
.mode csv
.import users.csv users
CREATE INDEX by_plan ON users(plan);
EOF
sqlite3 app.db 'SELECT count(*), avg(score), max(name) FROM users'
sqlite3 -header app.db 'SELECT plan, count(*) AS n, sum(score) AS total FROM users GROUP BY plan ORDER BY n DESC'
sqlite3 app.db "INSERT INTO users VALUES (1, 'x', 1, 'basic')" 2>/dev/null || echo "refused: the id is taken"
sqlite3 app.db "INSERT INTO users VALUES (99, 'neg', -5, 'basic')" 2>/dev/null || echo "refused: the check"
sqlite3 app.db 'BEGIN; DELETE FROM users WHERE id > 10; SELECT count(*) FROM users; ROLLBACK; SELECT count(*) FROM users;'
sqlite3 app.db 'WITH ranked AS (SELECT name, plan, score, rank() OVER (PARTITION BY plan ORDER BY score DESC, name) AS r FROM users) SELECT * FROM ranked WHERE r <= 2 ORDER BY plan, r'
sqlite3 app.db "SELECT json_group_array(json_object('n', name, 's', score)) FROM (SELECT * FROM users WHERE score > 90 ORDER BY id)"
sqlite3 -separator '|' app.db "UPDATE users SET plan = upper(plan) WHERE id % 25 = 0 RETURNING id, plan"
sqlite3 app.db .dump | grep -c '^INSERT'
sqlite3 app.db .dump | sqlite3 copy.db && sqlite3 copy.db 'SELECT count(DISTINCT plan) FROM users'
sqlite3 app.db 'PRAGMA integrity_check; SELECT strftime("%Y-%m", 0, "unixepoch"), printf("%05.1f", 3.14159), substr("hello", 2, 3)'
sqlite3 app.db .schema
