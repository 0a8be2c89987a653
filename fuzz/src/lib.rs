//! What the programs in `fuzz_targets/` have in common: each is one target of `evermesh_fuzz`, run by libFuzzer.

#[doc(hidden)]
pub use evermesh_fuzz::Target;
#[doc(hidden)]
pub use libfuzzer_sys;

use evermesh_fuzz::Form;

/// The program of a target.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| ($crate::Target::named($name).run)(data));
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate($name, data, size, max_size, seed)
        });
    };
}

/// Mutates in place and gives the new length: as libFuzzer does, or every other time as the target does, where that
/// knows more of what inputs look like.
pub fn mutate(name: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let target = Target::named(name);
    if target.form == Form::Bytes || seed.is_multiple_of(2) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let mutated = target.mutate(&data[..size], seed.into());
    let length = mutated.len().min(max_size);
    data[..length].copy_from_slice(&mutated[..length]);
    length
}
