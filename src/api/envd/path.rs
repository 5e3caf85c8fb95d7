//! Paths as envd takes them: absolute, `~`, or relative to the user's home; cleaned of `.`, `..` and double slashes the way
//! Go's `filepath.Clean` does, because the paths that go back to the client are made from them. The file system resolves
//! symbolic links and checks rights; a path here is only text.

/// The longest path, Linux's `PATH_MAX`.
pub(crate) const PATH_BYTES_MAX: usize = 4096;

/// The absolute, clean form of `path`.
///
/// # Errors
///
/// A sentence about what is wrong with it.
pub(crate) fn resolve(path: &str, home: &str) -> Result<String, String> {
    if path.contains('\0') {
        return Err("path: must not contain NUL".into());
    }
    if path.len() >= PATH_BYTES_MAX {
        return Err(format!("path: longer than {} bytes", PATH_BYTES_MAX - 1));
    }
    let full = match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => format!("{home}{rest}"),
        Some(_) => return Err("path: ~name is not supported; use ~ or an absolute path".into()),
        None if path.starts_with('/') => path.to_owned(),
        None => format!("{home}/{path}"),
    };
    Ok(clean(&full))
}

fn clean(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

/// The directory that a clean path is in.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// The last name of a clean path; `/` for the root.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/")
}

/// A name in a directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory == "/" { format!("/{name}") } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_resolved_against_home() {
        for (path, full) in [
            ("", "/home/user"),
            ("a.txt", "/home/user/a.txt"),
            ("./a//b/", "/home/user/a/b"),
            ("~", "/home/user"),
            ("~/x", "/home/user/x"),
            ("/etc/../tmp/.", "/tmp"),
            ("/../..", "/"),
            ("../../../x", "/x"),
        ] {
            assert_eq!(resolve(path, "/home/user").as_deref(), Ok(full), "{path}");
        }
        assert!(resolve("~root/x", "/home/user").is_err());
        assert!(resolve("a\0b", "/home/user").is_err());
        assert!(resolve(&"a".repeat(4096), "/home/user").is_err());
    }

    #[test]
    fn parents_and_names() {
        assert_eq!((parent("/a/b"), name("/a/b")), ("/a", "b"));
        assert_eq!((parent("/a"), name("/a")), ("/", "a"));
        assert_eq!((parent("/"), name("/")), ("/", "/"));
        assert_eq!((join("/", "a"), join("/a", "b")), ("/a".into(), "/a/b".into()));
    }

    proptest! {
        #[test]
        fn a_resolved_path_is_absolute_and_clean(path in "[a./~]{0,40}") {
            if let Ok(full) = resolve(&path, "/home/user") {
                prop_assert!(full.starts_with('/'));
                let names: Vec<&str> = full[1..].split('/').collect();
                prop_assert!(full == "/" || names.iter().all(|name| !["", ".", ".."].contains(name)));
                prop_assert_eq!(resolve(&full, "/x").unwrap(), full);
            }
        }
    }
}
