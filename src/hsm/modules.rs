//! Which PKCS#11 modules there are: those that a device file names, and those that p11-kit's module files list. None is
//! loaded for being listed.

use std::path::{Path, PathBuf};

use super::frame::printable;

/// Where p11-kit's module files lie, pkcs11.conf(5): the system's, then the administrator's, which win.
const DIRECTORIES: [&str; 2] = ["/usr/share/p11-kit/modules", "/etc/pkcs11/modules"];
/// Where a bare file name of a module is looked for, in this order.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib/x86_64-linux-gnu",
];
const MAX_FILE: u64 = 64 * 1024;
const MAX_FILES: usize = 64;

/// A module that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Short name.
    pub name: String,
    /// The shared object.
    pub path: PathBuf,
    /// Initialisation arguments that some modules need (NSS); empty for none.
    pub init: String,
    /// Environment variables that the module reads, e.g. `SOFTHSM2_CONF`. Never a secret.
    pub environment: Vec<(String, String)>,
}

impl Module {
    /// A module by its path alone, named as the file.
    pub fn at(path: &Path) -> Self {
        let name = path
            .file_stem()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Self {
            name: printable(&name),
            path: path.to_owned(),
            init: String::new(),
            environment: vec![],
        }
    }
}

/// The modules that p11-kit's module files below `root` name, by file name. What can't be read is left out; so is
/// `p11-kit-trust`, which holds certificates alone.
pub fn listed(root: &Path) -> Vec<Module> {
    let mut found: Vec<Module> = vec![];
    for directory in DIRECTORIES {
        let directory = root.join(directory.trim_start_matches('/'));
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|end| end == "module"));
        files.sort();
        files.truncate(MAX_FILES);
        for file in files {
            let Some(module) = read(root, &file) else {
                continue;
            };
            found.retain(|own| own.name != module.name);
            found.push(module);
        }
    }
    found.retain(|module| module.name != "p11-kit-trust");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn read(root: &Path, file: &Path) -> Option<Module> {
    if std::fs::metadata(file).ok()?.len() > MAX_FILE {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let value = |wanted: &str| {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'));
        lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == wanted).then(|| value.trim().to_owned())
        })
    };
    let named = value("module").filter(|path| !path.is_empty())?;
    if printable(&named) != named {
        return None;
    }
    let path = Path::new(&named);
    let path = if path.is_absolute() {
        path.to_owned()
    } else {
        let places = LIBRARIES.iter().map(|dir| Path::new(dir).join(path));
        let there = |path: &PathBuf| root.join(path.strip_prefix("/").unwrap_or(path)).exists();
        places
            .clone()
            .find(there)
            .or_else(|| places.clone().next())?
    };
    Some(Module {
        name: printable(&file.file_stem()?.to_string_lossy()),
        init: value("x-init-reserved").unwrap_or_default(),
        ..Module::at(&path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_files_are_listed_and_the_administrators_win() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put(
            "usr/share/p11-kit/modules/softhsm2.module",
            "# SoftHSM\nmodule: libsofthsm2.so\n",
        );
        put(
            "usr/share/p11-kit/modules/vendor.module",
            "module: /opt/old.so\n",
        );
        put(
            "usr/share/p11-kit/modules/p11-kit-trust.module",
            "module: p11-kit-trust.so\n",
        );
        put("usr/share/p11-kit/modules/empty.module", "priority: 1\n");
        put(
            "usr/share/p11-kit/modules/notes.txt",
            "module: /opt/notes.so\n",
        );
        put(
            "etc/pkcs11/modules/vendor.module",
            "module: /opt/new.so\nx-init-reserved: a='b:c'\n",
        );
        put("usr/lib/x86_64-linux-gnu/libsofthsm2.so", "");
        let found = listed(root.path());
        let names: Vec<(&str, &str)> = found
            .iter()
            .map(|m| (m.name.as_str(), m.path.to_str().unwrap()))
            .collect();
        assert_eq!(
            names,
            [
                ("softhsm2", "/usr/lib/x86_64-linux-gnu/libsofthsm2.so"),
                ("vendor", "/opt/new.so")
            ]
        );
        assert_eq!(found[1].init, "a='b:c'");
        assert_eq!(listed(&root.path().join("nowhere")), []);
    }
}
