//! A file whose functions choose between themselves and their mutants.
//!
//! A body that has mutants becomes
//!
//! ```text
//! let switched_17 = (); match crate::chosen_mutant() { chosen if chosen < 17 || chosen > 18 => {the body}
//! 17 => {the body, changed}
//! 18 => {the body, changed in another place}
//! _ => unreachable!() }
//! ```
//!
//! Each copy begins on a line of its own, so that the compiler's errors tell the mutants that do not compile. The variable that
//! nothing uses is for the compiler to warn of: where it does not, a cfg has left the function out. Outermost functions are
//! switched, with what is inside them. What a constant is made of, or a `const fn`, has no choice at run time; a function that
//! returns `impl Trait` has one type for all its copies, which a mutant need not have. These stay as they are. So do tests,
//! which cargo-mutants takes for code where their cfg says more than that they are tests.

use std::collections::HashSet;
use std::ops::Range;

use proc_macro2::extra::DelimSpan;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, ImplItemFn, ItemFn, ItemMod, Meta, ReturnType, Signature, TraitItemFn, TypeImplTrait,
};

use crate::mutant::Mutant;

/// What each package's root is given.
pub(crate) const CHOICE: &str = r#"
/// The mutant that this process is, from the environment: 0 for none.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "in a copy alone")]
pub(crate) fn chosen_mutant() -> usize {
    static CHOSEN: ::std::sync::OnceLock<usize> = ::std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| ::std::env::var("STREAMGAUGE_MUTANT").map_or(0, |number| number.parse().unwrap()))
}
"#;

/// What the variable is called that tells a compiled function, before the number of its first mutant.
pub(crate) const MARK: &str = "switched_";

/// A file rewritten.
#[derive(Debug)]
pub(crate) struct Switched {
    pub(crate) text: String,
    /// The lines of each copy, from 1, with the mutant's number.
    pub(crate) copies: Vec<(Range<usize>, usize)>,
    /// The mutants of each function; the first names the mark.
    pub(crate) functions: Vec<Vec<usize>>,
    /// The numbers of those in no function that can be switched.
    pub(crate) apart: Vec<usize>,
    /// The numbers of those in tests.
    pub(crate) tests: Vec<usize>,
}

/// Rewrites a file. Mutants that are left out have no copy.
pub(crate) fn switched(
    source: &str,
    mutants: &[&Mutant],
    left_out: &HashSet<usize>,
) -> syn::Result<Switched> {
    let mut bodies = Bodies::default();
    bodies.visit_file(&syn::parse_file(source)?);
    let mut rewritten = Switched {
        text: String::new(),
        copies: Vec::new(),
        functions: Vec::new(),
        apart: Vec::new(),
        tests: Vec::new(),
    };
    let mut is_apart: HashSet<usize> = mutants.iter().map(|mutant| mutant.number).collect();
    for mutant in mutants {
        let is_within = |range: Range<usize>| bodies.tests.iter().any(|tests| tests.contains(&range.start));
        if mutant.range(source).is_some_and(is_within) {
            is_apart.remove(&mutant.number);
            rewritten.tests.push(mutant.number);
        }
    }
    let mut copied = 0;
    for body in &bodies.switchable {
        let changes: Vec<(usize, Range<usize>, &str)> = mutants
            .iter()
            .filter_map(|mutant| Some((mutant.number, mutant.range(source)?, mutant.replacement.as_str())))
            .filter(|(_, range, _)| body.start <= range.start && range.end <= body.end)
            .collect();
        let (Some(least), Some(most)) = (
            changes.iter().map(|change| change.0).min(),
            changes.iter().map(|change| change.0).max(),
        ) else {
            continue;
        };
        rewritten.text += &source[copied..body.start];
        copied = body.end;
        rewritten.text += &format!(
            " let {MARK}{least} = (); match crate::chosen_mutant() {{ chosen_ if chosen_ < {least} || chosen_ > {most} => {{{}}}\n",
            &source[body.clone()]
        );
        for (number, range, replacement) in &changes {
            is_apart.remove(number);
            if left_out.contains(number) {
                continue;
            }
            let first = rewritten.text.matches('\n').count() + 1;
            rewritten.text += &format!(
                "{number} => {{{}{replacement}{}}}\n",
                &source[body.start..range.start],
                &source[range.end..body.end]
            );
            let beyond = rewritten.text.matches('\n').count() + 1;
            rewritten.copies.push((first..beyond, *number));
        }
        rewritten.text += "_ => unreachable!() } ";
        rewritten
            .functions
            .push(changes.iter().map(|change| change.0).collect());
    }
    rewritten.text += &source[copied..];
    rewritten.apart.extend(is_apart);
    rewritten.apart.sort_unstable();
    Ok(rewritten)
}

/// What is between the braces of the outermost functions that can be switched, and of the modules of tests.
#[derive(Default)]
struct Bodies {
    switchable: Vec<Range<usize>>,
    tests: Vec<Range<usize>>,
}

impl Bodies {
    /// Takes a function, or leaves it as it is, with what is in it.
    fn take(&mut self, signature: &Signature, block: &Block) {
        if signature.constness.is_none() && !is_opaque(&signature.output) {
            self.switchable.push(between(&block.brace_token.span));
        }
    }
}

impl<'ast> Visit<'ast> for Bodies {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        match &module.content {
            Some((braces, _)) if module.attrs.iter().any(is_for_tests) => {
                self.tests.push(between(&braces.span));
            }
            _ => visit::visit_item_mod(self, module),
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.take(&function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.take(&function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.take(&function.sig, block);
        }
    }
}

fn between(braces: &DelimSpan) -> Range<usize> {
    braces.open().byte_range().end..braces.close().byte_range().start
}

/// Whether an attribute is a cfg of tests, as `cfg(all(test, not(loom)))`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let cfg = list.tokens.to_string().replace(' ', "");
    list.path.is_ident("cfg") && (cfg == "test" || cfg.starts_with("all(test,"))
}

/// Whether a function returns some type that it does not name.
fn is_opaque(output: &ReturnType) -> bool {
    struct Opaque(bool);
    impl<'ast> Visit<'ast> for Opaque {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut opaque = Opaque(false);
    visit::visit_return_type(&mut opaque, output);
    opaque.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::switched;
    use crate::mutant::Mutant;

    /// A mutant that has some text of a source replaced, each standing there once.
    fn mutant(number: usize, source: &str, text: &str, replacement: &str) -> Mutant {
        let before = &source[..source.find(text).unwrap()];
        let column = before.chars().rev().take_while(|sign| *sign != '\n').count() + 1;
        let line = before.matches('\n').count() + 1;
        let json = serde_json::json!({
            "name": "a mutant", "file": "src/lib.rs", "replacement": replacement,
            "span": {
                "start": { "line": line, "column": column },
                "end": { "line": line, "column": column + text.chars().count() },
            },
        });
        let mutant = Mutant::read(number, &json).unwrap();
        assert_eq!(&source[mutant.range(source).unwrap()], text);
        assert_eq!(mutant.file, Path::new("src/lib.rs"));
        mutant
    }

    #[test]
    fn a_function_chooses_between_itself_and_its_mutants() {
        let source = "fn sum(é: u8, b: u8) -> u8 {\n    /* é */ é + b\n}\nfn other() {}\n";
        let mutants = [
            mutant(1, source, "+", "-"),
            mutant(2, source, "é + b", "0"),
            mutant(3, source, "b\n", "c\n"),
        ];
        let rewritten = switched(source, &mutants.each_ref(), &HashSet::from([3])).unwrap();
        let expected = "fn sum(é: u8, b: u8) -> u8 { let switched_1 = (); match crate::chosen_mutant() { \
            chosen_ if chosen_ < 1 || chosen_ > 3 => {\n    /* é */ é + b\n}\n\
            1 => {\n    /* é */ é - b\n}\n2 => {\n    /* é */ 0\n}\n_ => unreachable!() } }\nfn other() {}\n";
        assert_eq!(rewritten.text, expected);
        // The lines of the copies, by which what the compiler says is told apart.
        assert_eq!(rewritten.copies, [(4..7, 1), (7..10, 2)]);
        assert_eq!(
            (rewritten.functions, rewritten.apart),
            (vec![vec![1, 2, 3]], vec![])
        );
    }

    #[test]
    fn what_has_no_choice_at_run_time_stays_as_it_is() {
        let source = "const A: u8 = 1 + 1;\nconst fn two() -> u8 { 1 * 2 }\n\
            fn all() -> impl Iterator<Item = u8> { 0..3 }\n";
        let mutants = [
            mutant(1, source, "+", "-"),
            mutant(2, source, "*", "/"),
            mutant(3, source, "0..3", "0..1"),
        ];
        let rewritten = switched(source, &mutants.each_ref(), &HashSet::new()).unwrap();
        assert_eq!(
            (rewritten.text.as_str(), rewritten.apart),
            (source, vec![1, 2, 3])
        );
    }

    #[test]
    fn tests_are_left_alone() {
        let source =
            "fn one() -> u8 { 1 }\n#[cfg(all(test, not(loom)))]\nmod tests { fn two() -> u8 { 2 } }\n";
        let mutants = [mutant(1, source, "2", "3")];
        let rewritten = switched(source, &mutants.each_ref(), &HashSet::new()).unwrap();
        assert_eq!((rewritten.text.as_str(), rewritten.tests), (source, vec![1]));
        assert!(rewritten.apart.is_empty());
    }
}
