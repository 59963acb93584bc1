//! `LIKE` patterns: `%`, `_`, `[set]`, `[^set]`, escape character.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql>.

use super::collation::{self, Rules};

/// One element of a pattern.
enum Element {
    Any,
    One,
    Char(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Matches text against a pattern. Where neither is Unicode, trailing spaces of the text beyond the pattern do not count; those of
/// the pattern always do.
pub fn matches(text: &str, pattern: &str, escape: Option<char>, rules: Rules, unicode: bool) -> bool {
    let Some(elements) = parse(pattern, escape) else { return false };
    let chars: Vec<char> = text.chars().collect();
    let matched = matches_from(&chars, &elements, rules);
    if matched || unicode {
        return matched;
    }
    // A match that only trailing spaces prevent is a match.
    let trimmed = text.trim_end_matches(' ').chars().count();
    (trimmed..chars.len()).any(|end| matches_from(&chars[..end], &elements, rules))
}

fn parse(pattern: &str, escape: Option<char>) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        let element = match c {
            c if Some(c) == escape => Element::Char(rest.next()?),
            '%' => Element::Any,
            '_' => Element::One,
            '[' => match parse_set(rest.as_str(), escape) {
                Some((set, after)) => {
                    rest = after.chars();
                    set
                }
                // An unclosed set matches nothing.
                None => return None,
            },
            c => Element::Char(c),
        };
        elements.push(element);
    }
    Some(elements)
}

fn parse_set(text: &str, escape: Option<char>) -> Option<(Element, &str)> {
    let mut rest = text.chars();
    let mut members: Vec<(char, bool)> = Vec::new();
    let negated = text.starts_with('^');
    if negated {
        rest.next();
    }
    loop {
        let c = rest.next()?;
        if c == ']' && !members.is_empty() {
            break;
        }
        if Some(c) == escape {
            members.push((rest.next()?, true));
        } else if c == ']' {
            // `[]` holds nothing.
            break;
        } else {
            members.push((c, false));
        }
    }
    let mut ranges = Vec::new();
    let mut i = 0;
    while i < members.len() {
        let low = members[i].0;
        match (members.get(i + 1), members.get(i + 2)) {
            (Some(('-', false)), Some((high, _))) => {
                ranges.push((low, *high));
                i += 3;
            }
            _ => {
                ranges.push((low, low));
                i += 1;
            }
        }
    }
    Some((Element::Set { negated, ranges }, rest.as_str()))
}

fn equal(a: char, b: char, rules: Rules) -> bool {
    a == b || !rules.binary && order(a, b, rules) == std::cmp::Ordering::Equal
}

/// Spaces are characters here, unlike in a comparison.
fn order(a: char, b: char, rules: Rules) -> std::cmp::Ordering {
    if a == ' ' || b == ' ' {
        return a.cmp(&b);
    }
    let (mut left, mut right) = ([0; 4], [0; 4]);
    collation::compare(a.encode_utf8(&mut left), b.encode_utf8(&mut right), rules)
}

fn element_matches(element: &Element, c: char, rules: Rules) -> bool {
    match element {
        Element::Any | Element::One => true,
        Element::Char(wanted) => equal(*wanted, c, rules),
        Element::Set { negated, ranges } => {
            let inside =
                ranges.iter().any(|(low, high)| order(*low, c, rules).is_le() && order(c, *high, rules).is_le());
            inside != *negated
        }
    }
}

/// Greedy matching that backtracks to the last `%` only, so the time is bounded by text × pattern.
fn matches_from(text: &[char], elements: &[Element], rules: Rules) -> bool {
    let (mut t, mut e) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while t < text.len() {
        match elements.get(e) {
            Some(Element::Any) => {
                last_any = Some((e, t));
                e += 1;
            }
            Some(element) if element_matches(element, text[t], rules) => {
                t += 1;
                e += 1;
            }
            _ => match last_any {
                Some((any, start)) => {
                    last_any = Some((any, start + 1));
                    t = start + 1;
                    e = any + 1;
                }
                None => return false,
            },
        }
    }
    elements[e..].iter().all(|element| matches!(element, Element::Any))
}

/// The place (from 1) where a pattern first matches within the text, or 0 (`PATINDEX`).
pub fn position(text: &str, pattern: &str, rules: Rules) -> usize {
    let anchored_start = !pattern.starts_with('%');
    let core = pattern.strip_prefix('%').unwrap_or(pattern);
    let chars: Vec<char> = text.chars().collect();
    let Some(elements) = parse(core, None) else { return 0 };
    let starts = if anchored_start { 0..1 } else { 0..chars.len() + 1 };
    for start in starts {
        if start <= chars.len() && matches_from(&chars[start..], &elements, rules) {
            return chars[..start].iter().map(|c| c.len_utf16()).sum::<usize>() + 1;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Rules = Rules { case: false, accent: true, binary: false };

    #[test]
    fn patterns_match_as_documented() {
        let like = |text: &str, pattern: &str| matches(text, pattern, None, DEFAULT, false);
        assert!(like("Abcde", "a%E"));
        assert!(like("cat", "[bc]at") && !like("rat", "[bc]at"));
        assert!(like("rat", "[^bc]at"));
        assert!(like("m5", "[a-z][0-9]"));
        assert!(like("50%", "50[%]"));
        assert!(like("abc ", "abc") && !like("abc", "abc "));
        assert!(!like("abc", "b%"));
        assert!(like("", "%") && !like("", "_"));
        assert!(
            matches("10%", "10!%", Some('!'), DEFAULT, false) && !matches("100", "10!%", Some('!'), DEFAULT, false)
        );
    }
}
