;; Levenshtein distances of pairs of texts.
;;
;; Texts are 32-bit letters between neighbours in 32-bit offsets that count letters. $row has 4 bytes for each
;; letter of the longest right text, and 4 more.
(module
  (memory (export "memory") 1)

  (func $distance (param $a i32) (param $a_end i32) (param $b i32) (param $b_end i32) (param $row i32) (result i32)
    (local $at i32) (local $cell i32) (local $count i32) (local $diagonal i32) (local $left i32) (local $up i32)
    (local $letter i32) (local $best i32)
    (local.set $cell (local.get $row))
    (local.set $at (local.get $b))
    (i32.store (local.get $cell) (i32.const 0))
    (block $started
      (loop $rest
        (br_if $started (i32.ge_u (local.get $at) (local.get $b_end)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $cell (i32.add (local.get $cell) (i32.const 4)))
        (i32.store (local.get $cell) (local.get $count))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $rest)))
    (block $done
      (loop $letters
        (br_if $done (i32.ge_u (local.get $a) (local.get $a_end)))
        (local.set $letter (i32.load (local.get $a)))
        (local.set $cell (local.get $row))
        (local.set $diagonal (i32.load (local.get $cell)))
        (local.set $left (i32.add (local.get $diagonal) (i32.const 1)))
        (i32.store (local.get $cell) (local.get $left))
        (local.set $at (local.get $b))
        (block $ended
          (loop $rest
            (br_if $ended (i32.ge_u (local.get $at) (local.get $b_end)))
            (local.set $cell (i32.add (local.get $cell) (i32.const 4)))
            (local.set $up (i32.load (local.get $cell)))
            (local.set $best
              (i32.add (local.get $diagonal) (i32.ne (local.get $letter) (i32.load (local.get $at)))))
            (local.set $diagonal (local.get $up))
            (local.set $left
              (i32.add (i32.const 1)
                (select (local.get $left) (local.get $up) (i32.lt_u (local.get $left) (local.get $up)))))
            (local.set $left
              (select (local.get $left) (local.get $best) (i32.lt_u (local.get $left) (local.get $best))))
            (i32.store (local.get $cell) (local.get $left))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $rest)))
        (local.set $a (i32.add (local.get $a) (i32.const 4)))
        (br $letters)))
    (i32.load (i32.add (local.get $row) (i32.sub (local.get $b_end) (local.get $b)))))

  (func (export "distances")
    (param $a i32) (param $a_offsets i32) (param $b i32) (param $b_offsets i32) (param $count i32) (param $row i32)
    (param $out i32)
    (block $all
      (loop $rest
        (br_if $all (i32.eqz (local.get $count)))
        (i32.store (local.get $out)
          (call $distance
            (i32.add (local.get $a) (i32.shl (i32.load (local.get $a_offsets)) (i32.const 2)))
            (i32.add (local.get $a) (i32.shl (i32.load offset=4 (local.get $a_offsets)) (i32.const 2)))
            (i32.add (local.get $b) (i32.shl (i32.load (local.get $b_offsets)) (i32.const 2)))
            (i32.add (local.get $b) (i32.shl (i32.load offset=4 (local.get $b_offsets)) (i32.const 2)))
            (local.get $row)))
        (local.set $a_offsets (i32.add (local.get $a_offsets) (i32.const 4)))
        (local.set $b_offsets (i32.add (local.get $b_offsets) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rest))))
)
