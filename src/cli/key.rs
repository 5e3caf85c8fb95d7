//! `isolet key create|list|revoke`: the API keys of an installation, by teams.

use anyhow::Context;
use clap::{Args, Subcommand};
use isolet::Config;
use isolet::api::KeyFile;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with keys.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// The server's data directory [default: ~/.local/share/isolet].
    #[arg(long, global = true, value_name = "DIR", env = "ISOLET_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key and print it, this once: only its hash is kept.
    Create {
        /// The team whose sandboxes the key reaches.
        #[arg(long, default_value = "default")]
        team: String,
        /// What to call it in the list.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List the keys: id, team, name, when made, when revoked.
    List,
    /// Revoke a key; a running server refuses it within a second.
    Revoke {
        /// The key's id, from the list.
        id: String,
    },
}

/// Does it.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let default = || Config::default().data_dir;
    let keys = KeyFile::new(&arguments.data_dir.clone().unwrap_or_else(default));
    let mut out = std::io::stdout().lock();
    match &arguments.action {
        Action::Create { team, name } => {
            let (key, secret) = keys.create(team, name)?;
            eprintln!("isolet: {} of team {:?}; this is the only time it is shown:", key.id, team);
            writeln!(out, "{secret}")
        }
        Action::List => keys.list()?.iter().try_for_each(|key| {
            let revoked = key.revoked_at.as_deref().unwrap_or("-");
            let (id, team, name) = (&key.id, &key.team, &key.name);
            writeln!(out, "{id}\t{team}\t{name}\t{}\t{revoked}", key.created_at)
        }),
        Action::Revoke { id } => {
            let key = keys.revoke(id)?;
            writeln!(out, "{} is revoked", key.id)
        }
    }
    .context("print")?;
    Ok(ExitCode::SUCCESS)
}
