//! Prepares a directory for libFuzzer: `evermesh-fuzz prepare DIR` writes `DIR/<target>/seeds/*` and
//! `DIR/<target>/dictionary`, and prints each target's name and longest input.

use std::path::Path;
use std::{env, fs, io};

use evermesh_fuzz::{TARGETS, dictionary};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [command, directory] = arguments.as_slice() else {
        return Err(usage());
    };
    if command != "prepare" {
        return Err(usage());
    }
    for target in TARGETS {
        let directory = Path::new(directory).join(target.name);
        let seeds = target.seeds();
        // A seed that is gone from the tree must not go on being one.
        let _ = fs::remove_dir_all(directory.join("seeds"));
        fs::create_dir_all(directory.join("seeds"))?;
        for (number, (_, seed)) in (0..).zip(&seeds) {
            fs::write(directory.join("seeds").join(format!("{number:04}")), seed)?;
        }
        let words = dictionary(&seeds).into_iter().map(|word| format!("\"{word}\"\n"));
        fs::write(directory.join("dictionary"), words.collect::<String>())?;
        println!("{} {}", target.name, target.max_length);
    }
    Ok(())
}

fn usage() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "usage: evermesh-fuzz prepare DIRECTORY",
    )
}
