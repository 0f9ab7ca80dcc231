//! Media: ext4 images on loop devices, plugged in and unplugged.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program of the package named; its output.
pub fn run(package: &str, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|fault| {
            panic!("{program} did not start ({fault}): install the package {package}")
        });
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed; this test needs root, loop devices and a network namespace: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A medium that is unplugged for good when the test ends.
pub struct Stick {
    image: PathBuf,
    at: PathBuf,
    device: Option<String>,
}

impl Stick {
    /// A fresh medium, plugged in at `home`/`name`.
    pub fn new(home: &Path, name: &str) -> Self {
        let mut own = Self {
            image: home.join(format!("{name}.img")),
            at: home.join(name),
            device: None,
        };
        std::fs::create_dir(&own.at).expect("the test's own directory");
        let file = std::fs::File::create(&own.image).expect("the test's own directory");
        file.set_len(8 << 20).expect("room for an image");
        run(
            "e2fsprogs",
            "mkfs.ext4",
            &["-q", "-F", &own.image.display().to_string()],
        );
        own.plug();
        own
    }

    /// Where it is mounted.
    pub fn path(&self) -> String {
        self.at.display().to_string()
    }

    /// Plugs it in and mounts it.
    pub fn plug(&mut self) {
        let image = self.image.display().to_string();
        let device = run("mount", "losetup", &["--find", "--show", &image]);
        run("mount", "mount", &[&device, &self.path()]);
        self.device = Some(device);
    }

    /// Unmounts and unplugs it.
    pub fn unplug(&mut self) {
        run("mount", "umount", &[&self.path()]);
        if let Some(device) = self.device.take() {
            run("mount", "losetup", &["--detach", &device]);
        }
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).output();
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["--detach", device]).output();
        }
    }
}
