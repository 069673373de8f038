//! "Did you mean": the nearest of the allowed words.

/// The allowed word nearest to `text`, if it is near enough to have been meant.
pub fn closest<'a>(text: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long text is no slip of the finger, and the distance costs the product of the lengths.
    if text.chars().count() > 64 {
        return None;
    }
    let fold = |word: &str| word.to_lowercase().replace('_', "-");
    let text = fold(text);
    allowed
        .into_iter()
        .map(|word| (distance(&text, &fold(word)), word))
        .filter(|(distance, word)| *distance <= (word.chars().count().max(3)) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Help for a closed list: the nearest word, then the whole list.
pub fn one_of(text: &str, allowed: &[&str]) -> String {
    let list = match allowed {
        [] => "nothing is allowed here".to_owned(),
        [only] => format!("allowed here: {only}"),
        _ => format!("allowed here: {}", allowed.join(", ")),
    };
    match closest(text, allowed.iter().copied()) {
        Some(word) => format!("did you mean `{word}`? {list}"),
        None => list,
    }
}

/// Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[(i - 1) * width + j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced
                    .min(table[(i - 1) * width + j] + 1)
                    .min(table[i * width + j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[(i - 2) * width + j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len() * width + b.len()]
}
