;; JSON texts of Arrow columns: parts at a path, elements of arrays, canonical texts.
;;
;; Texts are the bytes at $data between neighbours in the 32-bit offsets at $offsets. A path is a list of
;; tokens of 16 bytes: 0 address of the key, 4 its bytes, 8 the index that the token names in an array (-1: none).
;;
;; Kinds of values: 1 null, 2 false, 3 true, 4 number, 5 string, 7 array, 8 object; 16 is added when the text
;; of the value is not the one that the value is written with (spaces, escapes, control characters and line
;; separators in it). 0 stands for no such value, 255 for a text that has to be read with more care.
(module
  (memory (export "memory") 1)
  (global $at (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))
  ;; How many odd bytes were read.
  (global $odd (mut i32) (i32.const 0))
  (global $failed (mut i32) (i32.const 0))
  (global $done (mut i32) (i32.const 0))
  (global $start (mut i32) (i32.const 0))
  (global $stop (mut i32) (i32.const 0))
  (global $kind (mut i32) (i32.const 0))
  (global $depth (mut i32) (i32.const 0))
  ;; Where canonical text is written, and the stack of the members of open objects.
  (global $out (mut i32) (i32.const 0))
  (global $members (mut i32) (i32.const 0))
  (global $scratch (mut i32) (i32.const 0))
  (global $limit (mut i32) (i32.const 0))
  ;; How values are written, and whether nulls go from arrays and what got empty goes as nulls do.
  (global $form (mut i32) (i32.const 0))
  (global $from_arrays (mut i32) (i32.const 0))
  (global $from_empty (mut i32) (i32.const 0))
  ;; Whether the value written last is none.
  (global $gone (mut i32) (i32.const 0))

  (func $fail (global.set $failed (i32.const 1)))

  ;; The byte at the cursor, 0 at the end.
  (func $peek (result i32)
    (if (result i32) (i32.lt_u (global.get $at) (global.get $end))
      (then (i32.load8_u (global.get $at)))
      (else (i32.const 0))))

  (func $step (global.set $at (i32.add (global.get $at) (i32.const 1))))

  ;; Skip spaces; the byte after them.
  (func $space (result i32)
    (local $byte i32)
    (loop $rest
      (local.set $byte (call $peek))
      (if (i32.or
            (i32.or (i32.eq (local.get $byte) (i32.const 0x20)) (i32.eq (local.get $byte) (i32.const 0x0a)))
            (i32.or (i32.eq (local.get $byte) (i32.const 0x0d)) (i32.eq (local.get $byte) (i32.const 0x09))))
        (then
          (global.set $odd (i32.add (global.get $odd) (i32.const 1)))
          (call $step)
          (br $rest))))
    (local.get $byte))

  ;; Move over a string that starts at the cursor.
  (func $string
    (local $at i32) (local $byte i32)
    (local.set $at (i32.add (global.get $at) (i32.const 1)))
    (loop $rest
      (if (i32.ge_u (local.get $at) (global.get $end))
        (then (call $fail) (return)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.eq (local.get $byte) (i32.const 0x22))
        (then (global.set $at (local.get $at)) (return)))
      (if (i32.eq (local.get $byte) (i32.const 0x5c))
        (then
          (global.set $odd (i32.add (global.get $odd) (i32.const 1)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $rest)))
      (if (i32.lt_u (local.get $byte) (i32.const 0x20))
        (then (global.set $odd (i32.add (global.get $odd) (i32.const 1)))))
      ;; U+2028 and U+2029
      (if (i32.eq (local.get $byte) (i32.const 0xe2))
        (then
          (if (i32.eq (i32.and (i32.load16_u (local.get $at)) (i32.const 0xfeff)) (i32.const 0xa880))
            (then (global.set $odd (i32.add (global.get $odd) (i32.const 1)))))))
      (br $rest)))

  (func $digit (result i32)
    (i32.lt_u (i32.sub (call $peek) (i32.const 0x30)) (i32.const 10)))

  (func $digits
    (block $none
      (loop $rest
        (br_if $none (i32.eqz (call $digit)))
        (call $step)
        (br $rest))))

  ;; Move over a number.
  (func $number
    (local $mark i32)
    (if (i32.eq (call $peek) (i32.const 0x2d)) (then (call $step)))
    (if (i32.eqz (call $digit)) (then (call $fail) (return)))
    (if (i32.eq (call $peek) (i32.const 0x30)) (then (call $step)) (else (call $digits)))
    (if (i32.eq (call $peek) (i32.const 0x2e))
      (then
        (local.set $mark (global.get $at))
        (call $step)
        (if (call $digit) (then (call $digits)) (else (global.set $at (local.get $mark)) (return)))))
    (if (i32.eq (i32.or (call $peek) (i32.const 0x20)) (i32.const 0x65))
      (then
        (local.set $mark (global.get $at))
        (call $step)
        (if (i32.or (i32.eq (call $peek) (i32.const 0x2b)) (i32.eq (call $peek) (i32.const 0x2d)))
          (then (call $step)))
        (if (call $digit) (then (call $digits)) (else (global.set $at (local.get $mark)))))))

  ;; Move over a word of four bytes, and one more for false.
  (func $word (param $word i32) (param $kind i32) (result i32)
    (local $size i32)
    (local.set $size (i32.add (i32.const 4) (i32.eq (local.get $kind) (i32.const 2))))
    (if (i32.gt_u (i32.add (global.get $at) (local.get $size)) (global.get $end))
      (then (call $fail) (return (i32.const 0))))
    (if (i32.ne (i32.load (global.get $at)) (local.get $word))
      (then (call $fail) (return (i32.const 0))))
    (if (i32.eq (local.get $kind) (i32.const 2))
      (then
        (if (i32.ne (i32.load8_u offset=4 (global.get $at)) (i32.const 0x65))
          (then (call $fail) (return (i32.const 0))))))
    (global.set $at (i32.add (global.get $at) (local.get $size)))
    (local.get $kind))

  ;; Move over a scalar that starts with the byte; its kind.
  (func $scalar (param $byte i32) (result i32)
    (if (i32.eq (local.get $byte) (i32.const 0x22)) (then (call $string) (return (i32.const 5))))
    (if (i32.eq (local.get $byte) (i32.const 0x6e))
      (then (return (call $word (i32.const 0x6c6c756e) (i32.const 1)))))
    (if (i32.eq (local.get $byte) (i32.const 0x66))
      (then (return (call $word (i32.const 0x736c6166) (i32.const 2)))))
    (if (i32.eq (local.get $byte) (i32.const 0x74))
      (then (return (call $word (i32.const 0x65757274) (i32.const 3)))))
    (call $number)
    (i32.const 4))

  (func $equal (param $one i32) (param $other i32) (param $size i32) (result i32)
    (block $differ
      (loop $rest
        (if (i32.eqz (local.get $size)) (then (return (i32.const 1))))
        (br_if $differ (i32.ne (i32.load8_u (local.get $one)) (i32.load8_u (local.get $other))))
        (local.set $one (i32.add (local.get $one) (i32.const 1)))
        (local.set $other (i32.add (local.get $other) (i32.const 1)))
        (local.set $size (i32.sub (local.get $size) (i32.const 1)))
        (br $rest)))
    (i32.const 0))

  ;; Move over a value; its kind. With 0 or more tokens left, the value at their end stops the reading.
  (func $value (param $token i32) (param $left i32) (result i32)
    (local $byte i32) (local $kind i32) (local $start i32) (local $odd i32) (local $key i32) (local $size i32)
    (local $index i32) (local $next i32)
    (local.set $byte (call $space))
    (local.set $start (global.get $at))
    (local.set $odd (global.get $odd))
    (if (i32.or (i32.eq (local.get $byte) (i32.const 0x7b)) (i32.eq (local.get $byte) (i32.const 0x5b)))
      (then
        (local.set $kind (i32.add (i32.const 7) (i32.eq (local.get $byte) (i32.const 0x7b))))
        (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
        (if (i32.gt_u (global.get $depth) (i32.const 200)) (then (call $fail) (return (i32.const 0))))
        (call $step)
        (local.set $byte (call $space))
        (block $closed
          ;; } is ] and 0x20, as { is [ and 0x20.
          (br_if $closed (i32.eq (i32.add (i32.const 0x5d) (i32.mul (i32.const 0x20)
            (i32.eq (local.get $kind) (i32.const 8)))) (local.get $byte)))
          (loop $rest
            (local.set $next (i32.const -1))
            (if (i32.eq (local.get $kind) (i32.const 8))
              (then
                (if (i32.ne (local.get $byte) (i32.const 0x22)) (then (call $fail) (return (i32.const 0))))
                (local.set $key (i32.add (global.get $at) (i32.const 1)))
                (local.set $index (global.get $odd))
                (call $string)
                ;; A key with escapes may be any.
                (if (i32.or (global.get $failed) (i32.ne (local.get $index) (global.get $odd)))
                  (then (call $fail) (return (i32.const 0))))
                (local.set $size (i32.sub (i32.sub (global.get $at) (i32.const 1)) (local.get $key)))
                (if (i32.gt_s (local.get $left) (i32.const 0))
                  (then
                    (if (i32.eq (local.get $size) (i32.load offset=4 (local.get $token)))
                      (then
                        (if (call $equal (local.get $key) (i32.load (local.get $token)) (local.get $size))
                          (then (local.set $next (i32.sub (local.get $left) (i32.const 1)))))))))
                (if (i32.ne (call $space) (i32.const 0x3a)) (then (call $fail) (return (i32.const 0))))
                (call $step))
              (else
                (if (i32.gt_s (local.get $left) (i32.const 0))
                  (then
                    (if (i32.eq (local.get $index) (i32.load offset=8 (local.get $token)))
                      (then (local.set $next (i32.sub (local.get $left) (i32.const 1)))))))
                (local.set $index (i32.add (local.get $index) (i32.const 1)))))
            (drop (call $value (i32.add (local.get $token) (i32.const 16)) (local.get $next)))
            (if (i32.or (global.get $failed) (global.get $done)) (then (return (i32.const 0))))
            (local.set $byte (call $space))
            (if (i32.eq (local.get $byte) (i32.const 0x2c))
              (then
                (call $step)
                (local.set $byte (call $space))
                (br $rest)))
            (br_if $closed (i32.eq (i32.add (i32.const 0x5d) (i32.mul (i32.const 0x20)
              (i32.eq (local.get $kind) (i32.const 8)))) (local.get $byte)))
            (call $fail)
            (return (i32.const 0))))
        (call $step)
        (global.set $depth (i32.sub (global.get $depth) (i32.const 1))))
      (else
        (local.set $kind (call $scalar (local.get $byte)))))
    (if (i32.ne (local.get $odd) (global.get $odd))
      (then (local.set $kind (i32.add (local.get $kind) (i32.const 16)))))
    (if (i32.and (i32.eqz (local.get $left)) (i32.eqz (global.get $failed)))
      (then
        (global.set $done (i32.const 1))
        (global.set $start (local.get $start))
        (global.set $stop (global.get $at))
        (global.set $kind (local.get $kind))))
    (local.get $kind))

  (func $open (param $data i32) (param $offset i32)
    (global.set $at (i32.add (local.get $data) (i32.load (local.get $offset))))
    (global.set $end (i32.add (local.get $data) (i32.load offset=4 (local.get $offset))))
    (global.set $failed (i32.const 0))
    (global.set $done (i32.const 0))
    (global.set $depth (i32.const 0)))

  ;; The value at a path of each text: where it starts and ends, and its kind.
  (func (export "locate")
    (param $data i32) (param $offsets i32) (param $count i32) (param $tokens i32) (param $left i32)
    (param $starts i32) (param $stops i32) (param $kinds i32)
    (block $all
      (loop $rest
        (br_if $all (i32.eqz (local.get $count)))
        (call $open (local.get $data) (local.get $offsets))
        (drop (call $value (local.get $tokens) (local.get $left)))
        (i32.store (local.get $starts) (i32.sub (global.get $start) (local.get $data)))
        (i32.store (local.get $stops) (i32.sub (global.get $stop) (local.get $data)))
        (i32.store8 (local.get $kinds)
          (if (result i32) (global.get $failed)
            (then (i32.const 255))
            (else (i32.mul (global.get $kind) (global.get $done)))))
        (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $stops (i32.add (local.get $stops) (i32.const 4)))
        (local.set $kinds (i32.add (local.get $kinds) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rest))))

  ;; The elements of arrays that were located, one after another, and how many each array has; their number.
  (func (export "elements")
    (param $data i32) (param $at i32) (param $stops i32) (param $count i32)
    (param $starts i32) (param $ends i32) (param $kinds i32) (param $counts i32) (result i32)
    (local $number i32) (local $found i32) (local $kind i32)
    (block $all
      (loop $rest
        (br_if $all (i32.eqz (local.get $count)))
        (local.set $number (i32.const 0))
        (global.set $at (i32.add (i32.add (local.get $data) (i32.load (local.get $at))) (i32.const 1)))
        (global.set $end (i32.add (local.get $data) (i32.load (local.get $stops))))
        (global.set $failed (i32.const 0))
        (global.set $done (i32.const 0))
        (global.set $depth (i32.const 0))
        (block $closed
          (br_if $closed (i32.ge_u (global.get $at) (global.get $end)))
          (loop $more
            (br_if $closed (i32.eq (call $space) (i32.const 0x5d)))
            (i32.store (local.get $starts) (i32.sub (global.get $at) (local.get $data)))
            (local.set $kind (call $value (i32.const 0) (i32.const -1)))
            (i32.store (local.get $ends) (i32.sub (global.get $at) (local.get $data)))
            (i32.store8 (local.get $kinds) (local.get $kind))
            (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
            (local.set $ends (i32.add (local.get $ends) (i32.const 4)))
            (local.set $kinds (i32.add (local.get $kinds) (i32.const 1)))
            (local.set $number (i32.add (local.get $number) (i32.const 1)))
            (drop (call $space))
            (if (i32.eq (call $peek) (i32.const 0x2c))
              (then (call $step) (br $more)))))
        (i32.store (local.get $counts) (local.get $number))
        (local.set $found (i32.add (local.get $found) (local.get $number)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $stops (i32.add (local.get $stops) (i32.const 4)))
        (local.set $counts (i32.add (local.get $counts) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rest)))
    (local.get $found))

  ;; Copy parts one after another.
  (func (export "gather")
    (param $data i32) (param $starts i32) (param $sizes i32) (param $count i32) (param $out i32)
    (local $from i32) (local $end i32)
    (block $all
      (loop $rest
        (br_if $all (i32.eqz (local.get $count)))
        (local.set $from (i32.add (local.get $data) (i32.load (local.get $starts))))
        (local.set $end (i32.add (local.get $out) (i32.load (local.get $sizes))))
        (if (i32.gt_u (i32.load (local.get $sizes)) (i32.const 64))
          (then (memory.copy (local.get $out) (local.get $from) (i32.load (local.get $sizes))))
          (else
            (block $copied
              (loop $bytes
                (br_if $copied (i32.ge_u (local.get $out) (local.get $end)))
                (i64.store (local.get $out) (i64.load (local.get $from)))
                (local.set $out (i32.add (local.get $out) (i32.const 8)))
                (local.set $from (i32.add (local.get $from) (i32.const 8)))
                (br $bytes)))))
        (local.set $out (local.get $end))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $sizes (i32.add (local.get $sizes) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rest))))

  ;; Canonical texts.

  (func $put (param $byte i32)
    (i32.store8 (global.get $out) (local.get $byte))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  (func $copy (param $from i32) (param $size i32)
    (memory.copy (global.get $out) (local.get $from) (local.get $size))
    (global.set $out (i32.add (global.get $out) (local.get $size))))

  ;; Whether the number at the cursor, which ends at $end, is written as the value is: an integer of up to 18
  ;; digits, or a fraction of up to 15 digits without needless zeros and at least 0.0001.
  (func $plain (param $at i32) (param $end i32) (result i32)
    (local $negative i32) (local $point i32) (local $byte i32) (local $size i32) (local $p i32)
    (local.set $negative (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d)))
    (local.set $at (i32.add (local.get $at) (local.get $negative)))
    (local.set $size (i32.sub (local.get $end) (local.get $at)))
    (local.set $p (local.get $at))
    (block $seen
      (loop $rest
        (br_if $seen (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $p)))
        (if (i32.eq (local.get $byte) (i32.const 0x2e)) (then (local.set $point (local.get $p))))
        (if (i32.eq (i32.or (local.get $byte) (i32.const 0x20)) (i32.const 0x65)) (then (return (i32.const 0))))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (br $rest)))
    (if (i32.eqz (local.get $point))
      (then
        (return
          (i32.and
            (i32.le_u (local.get $size) (i32.const 18))
            (i32.eqz (i32.and (local.get $negative) (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x30))))))))
    (if (i32.gt_u (local.get $size) (i32.const 16)) (then (return (i32.const 0))))
    ;; The last digit is no zero, unless it is the only one of the fraction.
    (if (i32.eq (i32.load8_u (i32.sub (local.get $end) (i32.const 1))) (i32.const 0x30))
      (then (return (i32.eq (i32.sub (local.get $end) (local.get $point)) (i32.const 2)))))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x30)) (then (return (i32.const 1))))
    ;; Four zeros after the point at once need an exponent.
    (if (i32.le_u (i32.sub (local.get $end) (local.get $point)) (i32.const 4)) (then (return (i32.const 1))))
    (i32.ne (i32.load offset=1 (local.get $point)) (i32.const 0x30303030)))

  ;; Order of the keys of two members: negative, 0 or positive.
  (func $order (param $one i32) (param $other i32) (result i32)
    (local $a i32) (local $b i32) (local $m i32) (local $n i32) (local $i i32) (local $d i32)
    (local.set $a (i32.load (local.get $one)))
    (local.set $b (i32.load (local.get $other)))
    (local.set $m (i32.load offset=4 (local.get $one)))
    (local.set $n (i32.load offset=4 (local.get $other)))
    (block $ended
      (loop $rest
        (br_if $ended (i32.or (i32.ge_u (local.get $i) (local.get $m)) (i32.ge_u (local.get $i) (local.get $n))))
        (local.set $d
          (i32.sub
            (i32.load8_u (i32.add (local.get $a) (local.get $i)))
            (i32.load8_u (i32.add (local.get $b) (local.get $i)))))
        (if (local.get $d) (then (return (local.get $d))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $rest)))
    (i32.sub (local.get $m) (local.get $n)))

  ;; Sort the members from $first (12 bytes each: key, its bytes, end of the member) of the object whose members
  ;; start at $begin, the first of equal keys kept.
  (func $sort (param $first i32) (param $begin i32)
    (local $i i32) (local $j i32) (local $key i32) (local $size i32) (local $stop i32) (local $to i32)
    (local.set $i (i32.add (local.get $first) (i32.const 12)))
    (block $ordered
      (loop $rest
        (if (i32.ge_u (local.get $i) (global.get $members)) (then (return)))
        (br_if $ordered
          (i32.ge_s (call $order (i32.sub (local.get $i) (i32.const 12)) (local.get $i)) (i32.const 0)))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (br $rest)))
    (if (i32.gt_u (i32.sub (global.get $members) (local.get $first)) (i32.const 1200))
      (then (call $fail) (return)))
    (block $sorted
      (loop $rest
        (br_if $sorted (i32.ge_u (local.get $i) (global.get $members)))
        (local.set $key (i32.load (local.get $i)))
        (local.set $size (i32.load offset=4 (local.get $i)))
        (local.set $stop (i32.load offset=8 (local.get $i)))
        ;; The moving member stands behind all others while it is compared.
        (i32.store (global.get $members) (local.get $key))
        (i32.store offset=4 (global.get $members) (local.get $size))
        (local.set $j (local.get $i))
        (block $placed
          (loop $down
            (br_if $placed (i32.le_u (local.get $j) (local.get $first)))
            (br_if $placed
              (i32.le_s (call $order (i32.sub (local.get $j) (i32.const 12)) (global.get $members)) (i32.const 0)))
            (memory.copy (local.get $j) (i32.sub (local.get $j) (i32.const 12)) (i32.const 12))
            (local.set $j (i32.sub (local.get $j) (i32.const 12)))
            (br $down)))
        (i32.store (local.get $j) (local.get $key))
        (i32.store offset=4 (local.get $j) (local.get $size))
        (i32.store offset=8 (local.get $j) (local.get $stop))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (br $rest)))
    (local.set $to (global.get $scratch))
    (local.set $i (local.get $first))
    (block $copied
      (loop $rest
        (br_if $copied (i32.ge_u (local.get $i) (global.get $members)))
        (block $repeated
          (if (i32.gt_u (local.get $i) (local.get $first))
            (then
              (br_if $repeated (i32.eqz (call $order (i32.sub (local.get $i) (i32.const 12)) (local.get $i))))
              (i32.store8 (local.get $to) (i32.const 0x2c))
              (local.set $to (i32.add (local.get $to) (i32.const 1)))))
          (local.set $key (i32.sub (i32.load (local.get $i)) (i32.const 1)))
          (local.set $size (i32.sub (i32.load offset=8 (local.get $i)) (local.get $key)))
          (memory.copy (local.get $to) (local.get $key) (local.get $size))
          (local.set $to (i32.add (local.get $to) (local.get $size))))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (br $rest)))
    (local.set $size (i32.sub (local.get $to) (global.get $scratch)))
    (memory.copy (local.get $begin) (global.get $scratch) (local.get $size))
    (global.set $out (i32.add (local.get $begin) (local.get $size))))

  ;; A new line and two spaces for each open object and array.
  (func $indent
    (local $size i32)
    (local.set $size (i32.mul (i32.const 2) (global.get $depth)))
    (if (i32.gt_u (i32.add (global.get $out) (local.get $size)) (global.get $limit))
      (then (call $fail) (return)))
    (call $put (i32.const 0x0a))
    (memory.fill (global.get $out) (i32.const 0x20) (local.get $size))
    (global.set $out (i32.add (global.get $out) (local.get $size))))

  ;; Move over a scalar that starts with the byte and write it.
  (func $write_scalar (param $byte i32)
    (local $start i32) (local $odd i32) (local $kind i32)
    (local.set $start (global.get $at))
    (local.set $odd (global.get $odd))
    (local.set $kind (call $scalar (local.get $byte)))
    (global.set $gone (i32.and (i32.eq (local.get $kind) (i32.const 1)) (i32.eq (global.get $form) (i32.const 2))))
    (if (global.get $failed) (then (return)))
    (if (i32.eq (global.get $form) (i32.const 1)) (then (call $put (i32.const 0x30)) (return)))
    (if (i32.eqz (global.get $form))
      (then
        (if (i32.eq (local.get $kind) (i32.const 4))
          (then
            (if (i32.eqz (call $plain (local.get $start) (global.get $at))) (then (call $fail) (return)))))))
    (if (i32.and (i32.ne (local.get $odd) (global.get $odd)) (i32.ne (global.get $form) (i32.const 2)))
      (then (call $fail) (return)))
    (call $copy (local.get $start) (i32.sub (global.get $at) (local.get $start))))

  ;; Move over a value and write it in the form: 0 canonical text, 1 the same with 0 for every scalar, 2 without
  ;; nulls, 3 indented.
  (func $canonical
    (local $byte i32) (local $closing i32) (local $start i32) (local $odd i32) (local $first i32) (local $begin i32)
    (local $key i32) (local $size i32) (local $mark i32) (local $written i32)
    (local.set $byte (call $space))
    (if (i32.and (i32.ne (local.get $byte) (i32.const 0x7b)) (i32.ne (local.get $byte) (i32.const 0x5b)))
      (then (call $write_scalar (local.get $byte)) (return)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (if (i32.gt_u (global.get $depth) (i32.const 200)) (then (call $fail) (return)))
    (local.set $closing (i32.add (local.get $byte) (i32.const 2)))
    (call $put (local.get $byte))
    (call $step)
    (local.set $first (global.get $members))
    (local.set $begin (global.get $out))
    (local.set $byte (call $space))
    (block $closed
      (br_if $closed (i32.eq (local.get $byte) (local.get $closing)))
      (loop $rest
        (local.set $mark (global.get $out))
        (if (local.get $written) (then (call $put (i32.const 0x2c))))
        (if (i32.eq (global.get $form) (i32.const 3)) (then (call $indent)))
        (if (i32.eq (local.get $closing) (i32.const 0x7d))
          (then
            (if (i32.ne (local.get $byte) (i32.const 0x22)) (then (call $fail) (return)))
            (local.set $start (global.get $at))
            (local.set $odd (global.get $odd))
            (call $string)
            (if (i32.or (global.get $failed)
                  (i32.and (i32.ne (local.get $odd) (global.get $odd)) (i32.ne (global.get $form) (i32.const 2))))
              (then (call $fail) (return)))
            (local.set $key (i32.add (global.get $out) (i32.const 1)))
            (local.set $size (i32.sub (i32.sub (global.get $at) (local.get $start)) (i32.const 2)))
            (call $copy (local.get $start) (i32.add (local.get $size) (i32.const 2)))
            (if (i32.ne (call $space) (i32.const 0x3a)) (then (call $fail) (return)))
            (call $step)
            (call $put (i32.const 0x3a))
            (if (i32.eq (global.get $form) (i32.const 3)) (then (call $put (i32.const 0x20))))))
        (local.set $start (global.get $out))
        (call $canonical)
        (if (global.get $failed) (then (return)))
        (if (i32.and (global.get $gone)
              (i32.or (i32.eq (local.get $closing) (i32.const 0x7d)) (global.get $from_arrays)))
          (then (global.set $out (local.get $mark)))
          (else
            (if (global.get $gone)
              (then
                (global.set $out (local.get $start))
                (i32.store (global.get $out) (i32.const 0x6c6c756e))
                (global.set $out (i32.add (global.get $out) (i32.const 4)))))
            (local.set $written (i32.const 1))
            (if (i32.and (i32.eq (local.get $closing) (i32.const 0x7d)) (i32.eqz (global.get $form)))
              (then
                (i32.store (global.get $members) (local.get $key))
                (i32.store offset=4 (global.get $members) (local.get $size))
                (i32.store offset=8 (global.get $members) (global.get $out))
                (global.set $members (i32.add (global.get $members) (i32.const 12)))))))
        (local.set $byte (call $space))
        (if (i32.eq (local.get $byte) (i32.const 0x2c))
          (then
            (call $step)
            (local.set $byte (call $space))
            (br $rest)))
        (br_if $closed (i32.eq (local.get $byte) (local.get $closing)))
        (call $fail)
        (return)))
    (call $step)
    (if (i32.gt_u (i32.sub (global.get $members) (local.get $first)) (i32.const 12))
      (then (call $sort (local.get $first) (local.get $begin))))
    (global.set $members (local.get $first))
    (global.set $depth (i32.sub (global.get $depth) (i32.const 1)))
    (if (i32.and (local.get $written) (i32.eq (global.get $form) (i32.const 3))) (then (call $indent)))
    (call $put (local.get $closing))
    (global.set $gone (i32.and (global.get $from_empty) (i32.eqz (local.get $written)))))

  ;; The texts in a form, one after another: where each ends, and whether (1) it could be made; the bytes of all.
  ;; $members has 12 bytes for each byte of the longest text, $scratch as many as it has, $out those of $data
  ;; and, for indented texts, more up to $limit.
  (func (export "written")
    (param $data i32) (param $offsets i32) (param $count i32) (param $out i32) (param $members i32)
    (param $scratch i32) (param $ends i32) (param $made i32) (param $form i32) (param $limit i32)
    (param $from_arrays i32) (param $from_empty i32) (result i32)
    (local $begin i32)
    (global.set $form (local.get $form))
    (global.set $limit (local.get $limit))
    (global.set $from_arrays (local.get $from_arrays))
    (global.set $from_empty (local.get $from_empty))
    (global.set $out (local.get $out))
    (global.set $scratch (local.get $scratch))
    (block $all
      (loop $rest
        (br_if $all (i32.eqz (local.get $count)))
        (call $open (local.get $data) (local.get $offsets))
        (global.set $members (local.get $members))
        (local.set $begin (global.get $out))
        (global.set $gone (i32.const 0))
        (call $canonical)
        (if (global.get $gone)
          (then
            (global.set $out (local.get $begin))
            (i32.store (global.get $out) (i32.const 0x6c6c756e))
            (global.set $out (i32.add (global.get $out) (i32.const 4)))))
        (drop (call $space))
        (if (i32.ne (global.get $at) (global.get $end)) (then (call $fail)))
        (if (global.get $failed) (then (global.set $out (local.get $begin))))
        (i32.store (local.get $ends) (i32.sub (global.get $out) (local.get $out)))
        (i32.store8 (local.get $made) (i32.eqz (global.get $failed)))
        (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
        (local.set $ends (i32.add (local.get $ends) (i32.const 4)))
        (local.set $made (i32.add (local.get $made) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rest)))
    (i32.sub (global.get $out) (local.get $out)))
)
