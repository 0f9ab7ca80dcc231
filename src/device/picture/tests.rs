use super::*;
use proptest::prelude::*;

/// A grey PNG of a QR code with modules of 8 pixels, and the code's modules changed by `damage`.
fn code(text: &str, level: qrcode::EcLevel, damage: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let code = qrcode::QrCode::with_error_correction_level(text, level).expect("fits");
    let (width, module) = (code.width(), 8);
    let colors = code.into_colors();
    let side = (width + 8) * module;
    let dark = |x: usize, y: usize| {
        let (x, y) = (x / module, y / module);
        if !(4..width + 4).contains(&x) || !(4..width + 4).contains(&y) {
            return false;
        }
        let (x, y) = (x - 4, y - 4);
        (colors[y * width + x] == qrcode::Color::Dark) != damage(x, y)
    };
    let pixels: Vec<u8> = (0..side * side)
        .map(|at| if dark(at % side, at / side) { 0 } else { 255 })
        .collect();
    png_of(side as u32, side as u32, png::ColorType::Grayscale, &pixels)
}

fn png_of(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(pixels).expect("pixels");
    writer.finish().expect("ends");
    file
}

fn refused(file: &[u8]) -> PictureError {
    decode(file).err().expect("refused")
}

static_assertions::assert_not_impl_any!(Read: std::fmt::Debug, Clone, PartialEq);

#[test]
fn both_decoders_read_a_clean_code() {
    let reads = decode(&code("HELLO", qrcode::EcLevel::H, |_, _| false)).expect("read");
    assert_eq!(reads.len(), 1);
    assert_eq!(reads[0].text.expose(), "HELLO");
    assert!(reads[0].first && reads[0].second);
    assert_eq!(
        reads[0].margin, None,
        "only codes of a share's kind have a margin"
    );
}

#[test]
fn the_margin_falls_with_damage_and_is_100_without() {
    let text = format!("QHS1{}", "A".repeat(77));
    let margin = |count: usize| {
        // A strip of the lower right, where no finder or format module lies.
        let file = code(&text, qrcode::EcLevel::H, |x, y| x >= 41 - count && y > 14);
        let reads = decode(&file).expect("read");
        assert_eq!(reads[0].text.expose(), text);
        reads[0].margin.expect("a share's kind")
    };
    assert_eq!(margin(0), 100);
    let (some, more) = (margin(2), margin(4));
    assert!(some < 100 && more < some, "{some} {more}");
}

#[test]
fn a_code_damaged_beyond_repair_is_named_as_that() {
    let text = format!("QHS1{}", "A".repeat(77));
    // Checkers over all data; finders, timing and format stay.
    let broken =
        |x: usize, y: usize| x > 9 && y > 9 && (x < 31 || y < 31) && (x * 7 + y * 3) % 5 < 2;
    let error = refused(&code(&text, qrcode::EcLevel::H, broken));
    assert_eq!(error, PictureError::CodeDamaged);
    assert_eq!(
        error.to_string(),
        "There is a QR code in the picture, but it is too blurred or damaged to be read."
    );
}

#[test]
fn a_picture_without_a_code_is_refused() {
    let white = png_of(300, 200, png::ColorType::Grayscale, &vec![255; 300 * 200]);
    let error = refused(&white);
    assert_eq!(error, PictureError::NoCode);
    assert_eq!(error.to_string(), "No QR code was found in the picture.");
    let tiny = png_of(1, 1, png::ColorType::Grayscale, &[0]);
    assert_eq!(refused(&tiny), PictureError::NoCode);
}

#[test]
fn other_kinds_of_file_are_refused_by_their_first_bytes() {
    for file in [
        &b""[..],
        b"GIF89a",
        b"%PDF-1.7",
        b"\x89PNG\r\n",
        b"\xff\xd8",
        b"QHS1AAAA",
    ] {
        assert_eq!(refused(file), PictureError::KindUnknown);
    }
    let shown = PictureError::KindUnknown.to_string();
    assert_eq!(shown, "The file is neither a PNG nor a JPEG picture.");
}

#[test]
fn a_png_cut_off_anywhere_is_refused() {
    let file = code("HELLO", qrcode::EcLevel::H, |_, _| false);
    for end in (8..file.len()).step_by(7).chain([file.len() - 1]) {
        let error = refused(&file[..end]);
        assert_eq!(
            error,
            PictureError::Truncated,
            "cut at {end} of {}",
            file.len()
        );
    }
}

#[test]
fn a_png_with_a_flipped_bit_is_refused_or_read_right() {
    let file = code("HELLO", qrcode::EcLevel::H, |_, _| false);
    for at in 8..file.len() {
        let mut file = file.clone();
        file[at] ^= 0x10;
        match decode(&file) {
            Ok(reads) => assert!(
                reads.iter().all(|read| read.text.expose() == "HELLO"),
                "{at}"
            ),
            Err(error) => assert!(error.name().starts_with("picture-"), "{at}"),
        }
    }
}

#[test]
fn limits_are_checked_before_pixels_are_decoded() {
    let too_long = {
        let mut file = code("HELLO", qrcode::EcLevel::H, |_, _| false);
        file.resize(MAX_FILE + 1, 0);
        file
    };
    assert_eq!(refused(&too_long), PictureError::TooLarge);
    // A header alone says 60,000 by 60,000.
    let mut header = Vec::new();
    header.extend_from_slice(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    header.extend_from_slice(&60_000_u32.to_be_bytes());
    header.extend_from_slice(&60_000_u32.to_be_bytes());
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    let mut crc = flate_crc(&header[12..]);
    header.append(&mut crc);
    assert_eq!(refused(&header), PictureError::TooLarge);
    let shown = PictureError::TooLarge.to_string();
    assert_eq!(
        shown,
        "The picture is too large: a file may have 64 MiB and a picture 50 megapixels."
    );
}

/// CRC-32 as PNG has it (PNG specification, annex D).
fn flate_crc(bytes: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            };
        }
    }
    (!crc).to_be_bytes().to_vec()
}

#[test]
fn colour_and_transparency_become_grey_on_white() {
    let grey = code("HELLO", qrcode::EcLevel::H, |_, _| false);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&grey))
        .read_info()
        .expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
    let info = reader.next_frame(&mut pixels).expect("whole");
    // Dark modules are opaque dark blue; light ones are black, but transparent.
    let blue: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| {
            if *pixel == 0 {
                [0, 0, 90, 255]
            } else {
                [0, 0, 0, 0]
            }
        })
        .collect();
    let file = png_of(info.width, info.height, png::ColorType::Rgba, &blue);
    let reads = decode(&file).expect("read");
    assert_eq!(reads[0].text.expose(), "HELLO");
}

#[test]
fn noise_is_refused_instead_of_searched_for_hours() {
    let mut state = 1_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if state & 0x100 == 0 { 0 } else { 255 }
    };
    let pixels: Vec<u8> = (0..1800 * 1800).map(|_| noise()).collect();
    let error = refused(&png_of(1800, 1800, png::ColorType::Grayscale, &pixels));
    assert_eq!(error, PictureError::TooBusy);
    assert_eq!(
        error.to_string(),
        "The picture is too restless to be searched: too much in it looks like the corner of a QR code."
    );
}

#[test]
fn a_panic_is_contained_and_the_hook_can_tell() {
    assert!(!is_contained());
    assert_eq!(decoders::contained(is_contained), Some(true));
    let result =
        decoders::contained(|| -> u8 { panic!("a decoder's panic, expected in this test") });
    assert_eq!(result, None);
    assert!(!is_contained());
}

#[test]
fn every_refusal_has_its_own_name_and_a_way_on() {
    let all = [
        PictureError::KindUnknown,
        PictureError::TooLarge,
        PictureError::Truncated,
        PictureError::Unreadable(String::new()),
        PictureError::NoCode,
        PictureError::CodeDamaged,
        PictureError::TooBusy,
        PictureError::DecoderFailed("first"),
    ];
    let names: std::collections::HashSet<_> = all.iter().map(Refuse::name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.iter().all(|error| error.way_on().ends_with('.')));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_after_a_magic_are_refused_by_name(jpeg: bool, tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = if jpeg { vec![0xff, 0xd8, 0xff] } else { b"\x89PNG\r\n\x1a\n".to_vec() };
        file.extend(tail);
        prop_assert!(refused(&file).name().starts_with("picture-"));
    }

    #[test]
    fn any_small_picture_gives_a_refusal_or_texts(
        side in 21_usize..60, seed in prop::collection::vec(any::<u8>(), 3600)
    ) {
        let pixels: Vec<u8> = seed[..side * side].iter().map(|byte| if byte & 1 == 0 { 0 } else { 255 }).collect();
        let file = png_of(side as u32, side as u32, png::ColorType::Grayscale, &pixels);
        match decode(&file) {
            Ok(reads) => prop_assert!(!reads.is_empty()),
            Err(error) => prop_assert!(error.name().starts_with("picture-")),
        }
    }
}
