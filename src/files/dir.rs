//! A directory held open. What lies below it is reached through the descriptor, and no link is followed on the way: whoever
//! may write beside it, or in it, can't lead us elsewhere.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};

/// A directory held open.
#[derive(Debug)]
pub struct Dir(OwnedFd);

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory at `path`, whose last part is no link.
    ///
    /// # Errors
    /// The system's; "not a directory" for a link.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(
            CWD,
            path,
            DIRECTORY,
            Mode::empty(),
        )?))
    }

    /// Opens the directory `name` in this one.
    ///
    /// # Errors
    /// As [`Dir::open`].
    pub fn below(&self, name: &str) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(
            &self.0,
            name,
            DIRECTORY,
            Mode::empty(),
        )?))
    }

    /// As [`Dir::below`]; makes it if it is absent (mode 0777 less the umask).
    ///
    /// # Errors
    /// As [`Dir::open`].
    pub fn make(&self, name: &str) -> io::Result<Self> {
        match self.below(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let all = Mode::RWXU | Mode::RWXG | Mode::RWXO;
                match rustix::fs::mkdirat(&self.0, name, all) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => self.below(name),
                    Err(errno) => Err(errno.into()),
                }
            }
            opened => opened,
        }
    }

    /// Opens the regular file `name` in this directory. `mode` is that of a file which is made.
    ///
    /// # Errors
    /// The system's; "too many levels of symbolic links" for a link, and our own words for what is no file.
    pub fn file(&self, name: &str, flags: OFlags, mode: u32) -> io::Result<File> {
        // NONBLOCK: a pipe under the name must not hold us up.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File =
            rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?.into();
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("it is not a file"))
        }
    }

    /// What lies under `name` in this directory; a link itself, not where it leads.
    ///
    /// # Errors
    /// The system's.
    pub fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            &self.0,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// All names in this directory but `.` and `..`, with what they are; [`FileType::Unknown`] for what went meanwhile.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self) -> io::Result<Vec<(std::ffi::OsString, FileType)>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems don't tell.
                FileType::Unknown => match self.stat(name) {
                    Ok(found) => FileType::from_raw_mode(found.st_mode),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => FileType::Unknown,
                    Err(error) => return Err(error),
                },
                kind => kind,
            };
            names.push((name.to_owned(), kind));
        }
        Ok(names)
    }

    /// Removes the file or link `name`; with [`AtFlags::REMOVEDIR`] the empty directory.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, name: impl AsRef<OsStr>, flags: AtFlags) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name.as_ref(), flags)?)
    }
}
