//! Token counts, estimated from text without a tokenizer: for limits that reserve before the vendor counts, and for
//! leaving out members whose context is too small. Usage that a vendor reports replaces the estimate afterwards.
//!
//! Nothing is parsed: one pass counts how often words, numbers and runs of marks begin, how long they are, and
//! characters by script; the estimate is a weighted sum. The inner loops have no branch, so they vectorise.

/// Estimates the tokens of a text; never zero for text that is not empty.
///
/// The weights are a least-squares fit to OpenAI's `o200k_base` over some twenty texts: English, German, French, Russian,
/// Arabic, Hindi, Chinese, Japanese and Korean prose, Rust, Python, SQL, HTML, JSON and tables of numbers come out
/// within 10 %, base64 some 20 % low. Texts unlike those, and other tokenizers, differ by more.
pub fn estimate(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let Some((&first, rest)) = bytes.split_first() else { return 0 };
    let mut sums = Sums::default();
    sums.add([b' '].iter().zip(&[first]));
    sums.add_scripts(&[first]);
    // Every byte beside the one before it.
    let before = bytes.get(..rest.len()).unwrap_or_default();
    for (before, block) in before.chunks(BLOCK).zip(rest.chunks(BLOCK)) {
        sums.add(before.iter().zip(block));
        if !block.is_ascii() {
            sums.add_scripts(block);
        }
    }
    (sums.weighted / WEIGHT_UNIT).max(1)
}

/// Bytes that are counted at once: no count of a block exceeds a byte.
const BLOCK: usize = 128;

/// Weights are in this fraction of a token.
const WEIGHT_UNIT: u64 = 64;

#[derive(Default)]
struct Sums {
    weighted: u64,
}

// === impl Sums ===

impl Sums {
    fn add<'b>(&mut self, pairs: impl Iterator<Item = (&'b u8, &'b u8)>) {
        let (mut words, mut letters, mut humps, mut numbers, mut digits) = (0_u8, 0_u8, 0_u8, 0_u8, 0_u8);
        let (mut marks, mut mark_runs, mut lines, mut blanks) = (0_u8, 0_u8, 0_u8, 0_u8);
        for (&before, &byte) in pairs {
            let letter = is_letter(byte);
            letters += u8::from(letter);
            words += u8::from(letter & !is_letter(before) & (before < 0x80));
            humps += u8::from(byte.is_ascii_uppercase() & before.is_ascii_lowercase());
            let digit = byte.is_ascii_digit();
            digits += u8::from(digit);
            numbers += u8::from(digit & !before.is_ascii_digit());
            let mark = is_mark(byte);
            marks += u8::from(mark);
            mark_runs += u8::from(mark & !is_mark(before));
            lines += u8::from((byte == b'\n') & (before != b'\n'));
            blanks += u8::from((byte == b' ') & (before == b' '));
        }
        let weights = [
            (words, 37),
            (letters, 10),
            (humps, 64),
            (numbers, 77),
            (digits, 15),
            (marks, 7),
            (mark_runs, 20),
            (lines, 5),
            (blanks, 8),
        ];
        self.weigh(&weights);
    }

    /// Characters of other scripts, by the first byte of their UTF-8.
    fn add_scripts(&mut self, block: &[u8]) {
        let (mut latin, mut cyrillic, mut semitic, mut indic, mut symbols) = (0_u8, 0_u8, 0_u8, 0_u8, 0_u8);
        let (mut kana, mut han, mut hangul, mut emoji) = (0_u8, 0_u8, 0_u8, 0_u8);
        for &byte in block {
            latin += u8::from((0xc2..=0xcf).contains(&byte));
            cyrillic += u8::from((0xd0..=0xd3).contains(&byte));
            semitic += u8::from((0xd4..=0xdf).contains(&byte));
            indic += u8::from(byte == 0xe0);
            symbols += u8::from((byte == 0xe1) | (byte == 0xe2) | (byte == 0xee) | (byte == 0xef));
            kana += u8::from(byte == 0xe3);
            han += u8::from((0xe4..=0xe9).contains(&byte));
            hangul += u8::from((0xea..=0xed).contains(&byte));
            emoji += u8::from(byte >= 0xf0);
        }
        let weights = [
            (latin, 13),
            (cyrillic, 22),
            (semitic, 27),
            (indic, 25),
            (symbols, 96),
            (kana, 60),
            (han, 44),
            (hangul, 50),
            (emoji, 124),
        ];
        self.weigh(&weights);
    }

    fn weigh(&mut self, weights: &[(u8, u64)]) {
        for &(count, weight) in weights {
            self.weighted += u64::from(count) * weight;
        }
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// Punctuation and symbols.
fn is_mark(byte: u8) -> bool {
    (byte > b' ') & (byte < 0x7f) & !byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with their tokens in `o200k_base`.
    #[test]
    fn near_to_a_tokenizer() {
        let texts = [
            (
                138,
                "In the beginning the river was only a rumour among the herdsmen, a silver thread that some of them had seen from the ridge at dusk. Nobody believed the first man who came back with wet sandals. He told his story in the market, and then again at the well, and by the third time it had grown a waterfall and two crocodiles. \"You should have brought us a fish,\" said the baker, who was practical. The following spring, when the snow went off the high pastures a month early, the water itself arrived; it ran down the main street, past the school and the post office, and settled politely in the cellar of the town hall.",
            ),
            (
                92,
                "Вначале река была лишь слухом среди пастухов, серебряной нитью, которую некоторые из них видели с хребта в сумерках. Никто не поверил первому человеку, который вернулся с мокрыми сандалиями. Он рассказал свою историю на рынке, а потом ещё раз у колодца, и к третьему разу в ней появились водопад и два крокодила.",
            ),
            (
                94,
                "起初，这条河只是牧人之间的一个传闻，是他们中的一些人在黄昏时从山脊上看到的一条银线。没有人相信第一个穿着湿凉鞋回来的人。他在市场上讲了他的故事，然后又在井边讲了一遍，到第三次的时候，故事里已经多了一个瀑布和两条鳄鱼。请根据以上内容回答下列问题，并说明理由。",
            ),
            (
                75,
                "SELECT u.id, u.name, COUNT(o.id) AS order_count FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.created_at >= '2024-01-01' AND u.status IN ('active','trial') GROUP BY u.id, u.name HAVING COUNT(o.id) > 3 ORDER BY order_count DESC LIMIT 50;",
            ),
        ];
        for (tokens, text) in texts {
            let estimated = estimate(text);
            assert!(estimated.abs_diff(tokens) * 10 <= tokens, "{estimated} for {tokens}: {text}");
        }
    }

    #[test]
    fn grows_with_the_text() {
        assert_eq!((estimate(""), estimate(" "), estimate("hi")), (0, 1, 1));
        let text = "Hello, wörld! 日本 1234\n";
        let one = estimate(text);
        let thousand = estimate(&text.repeat(1000));
        assert!(thousand.abs_diff(one * 1000) < one * 100, "{one} {thousand}");
    }
}
