//! What the command line names, read.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Larger than any configuration, and small enough to be held.
const LARGEST: u64 = 64 << 20;

/// A file, or why there is none.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: Result<String, String>,
}

/// The files that an argument stands for: one, or all of a folder in the order of their names. What begins with a
/// dot is left out in folders.
pub(super) fn read(argument: &str, input: &mut dyn Read) -> Vec<File> {
    if argument == "-" {
        return vec![File {
            name: "-".to_owned(),
            text: text_of(input),
        }];
    }
    let mut paths = Vec::new();
    let listed = match Path::new(argument).is_dir() {
        true => list(Path::new(argument), &mut paths),
        false => {
            paths.push(PathBuf::from(argument));
            Ok(())
        }
    };
    let mut files: Vec<File> = paths.iter().map(|path| open(path)).collect();
    if let Err(error) = listed {
        files.push(File {
            name: argument.to_owned(),
            text: Err(unread(&error)),
        });
    }
    files
}

fn open(path: &Path) -> File {
    let text = std::fs::File::open(path).map_err(|error| unread(&error));
    File {
        name: path.display().to_string(),
        text: text.and_then(|mut file| text_of(&mut file)),
    }
}

fn text_of(from: &mut dyn Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unread(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {} MiB", LARGEST >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Not through links: they may lead around in a circle.
        let kind = entry.file_type()?;
        let ending = path.extension().and_then(|ending| ending.to_str());
        if is_hidden {
            continue;
        } else if kind.is_dir() {
            list(&path, paths)?;
        } else if matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

fn unread(error: &std::io::Error) -> String {
    format!("it cannot be read: {error}")
}
