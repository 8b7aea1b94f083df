//! "did you mean": the nearest known word.

/// Names longer than this are not compared: nobody misspells them by one letter and the cost is quadratic.
const LENGTH_MAX: usize = 64;

/// The candidate nearest to `wrong`: at most a third of its letters differ. The first of equals wins, so callers
/// chain the preferred kind first.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    if length == 0 || length > LENGTH_MAX {
        return None;
    }
    let distance_max = length.div_ceil(3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(distance_max + 1, |(d, _)| d);
        if candidate.len() > LENGTH_MAX * 4 || candidate.len().abs_diff(wrong.len()) > distance_max * 4 {
            continue;
        }
        let distance =
            if candidate.eq_ignore_ascii_case(wrong) { 0 } else { strsim::damerau_levenshtein(wrong, candidate) };
        if distance < limit {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_nothing_else() {
        let words = ["route", "retry", "timeout", "tag"];
        let near = |w| nearest(w, words.into_iter());
        assert_eq!(near("rout"), Some("route"));
        assert_eq!(near("tiemout"), Some("timeout"));
        assert_eq!(near("ROUTE"), Some("route"));
        assert_eq!(near("zebra"), None);
        assert_eq!(near(""), None);
    }
}
