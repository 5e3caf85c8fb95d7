# As a model writes it: a project set up from nothing, with a README, sources, a test and a check of the result.
# needs: tree
set -euo pipefail
project=myapp
mkdir -p "$project"/{src/{api,models,utils},tests/{unit,integration},docs,scripts,.github/workflows}
touch "$project"/src/{__init__,api/__init__,models/__init__,utils/__init__}.py
cat > "$project/README.md" <<'EOF'
# My App

A sample application.

## Installation

    pip install -r requirements.txt
EOF
cat > "$project/src/models/user.py" <<'EOF'
from dataclasses import dataclass

@dataclass
class User:
    name: str
    email: str

    def greet(self) -> str:
        return f"Hello, {self.name}!"
EOF
cat > "$project/.gitignore" <<'EOF'
__pycache__/
*.pyc
.venv/
EOF
printf '%s\n' 'flask>=3.0' 'requests>=2.31' 'pytest' | sort > "$project/requirements.txt"
for env in dev staging prod; do
    cat > "$project/config.$env.ini" <<EOF
[app]
environment = $env
debug = $([ "$env" = dev ] && echo true || echo false)
workers = $(( ${#env} * 2 ))
EOF
done
cat > "$project/scripts/run.sh" <<'EOF'
#!/usr/bin/env bash
set -e
cd "$(dirname "$0")/.."
echo "running in $(basename "$PWD") with ${1:-dev}"
grep -h '^workers' "config.${1:-dev}.ini"
EOF
chmod +x "$project/scripts/run.sh"
tree -a --noreport "$project" | sed 's/\xc2\xa0/ /g'
find "$project" -type f | wc -l
"$project/scripts/run.sh"
"$project/scripts/run.sh" prod
"$project/scripts/run.sh" nosuch || echo "failed with $?"
stat -c '%A %n' "$project/scripts/run.sh" "$project/README.md"
wc -l "$project"/*.txt "$project"/README.md
