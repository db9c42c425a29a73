;; Avro binary records of Arrow columns.
;;
;; A plan is a tree of nodes of 32 bytes; the children of a node are neighbours in memory.
;;
;;   0  kind         0 long, 1 int, 2 double, 3 boolean, 4 bytes or string, 5 decimal of 16 bytes,
;;                   6 decimal of 32 bytes, 7 datetime, 8 array, 9 record
;;   4  validity     address of the validity bitmap, 0 when no value is missing
;;   8  bit          the first value's bit in the validity bitmap, and in the data of booleans
;;   12 data         address of the values; of an array: the index in the offsets of its items' first
;;   16 offsets      address of the 32-bit offsets of bytes and arrays
;;   20 children     address of the first child
;;   24 end          address after the last child
;;   28 nullable     1 when the value is a union of null and the type
;;
;; A missing value is one zero byte: null's index in a union, or the end of an array.
;; Up to 32 bytes are read after data and written after the last record.
(module
  (memory (export "memory") 1)

  ;; Zigzag variable-length integer; the address after it.
  (func $varint (param $out i32) (param $value i64) (result i32)
    (local $spread i64) (local $size i32)
    (local.set $value
      (i64.xor (i64.shl (local.get $value) (i64.const 1)) (i64.shr_s (local.get $value) (i64.const 63))))
    ;; The low 56 bits, seven to a byte.
    (local.set $spread (i64.and (local.get $value) (i64.const 0xffffffffffffff)))
    (local.set $spread
      (i64.or
        (i64.and (local.get $spread) (i64.const 0x0fffffff))
        (i64.shl (i64.and (local.get $spread) (i64.const 0xfffffff0000000)) (i64.const 4))))
    (local.set $spread
      (i64.or
        (i64.and (local.get $spread) (i64.const 0x00003fff00003fff))
        (i64.shl (i64.and (local.get $spread) (i64.const 0x0fffc0000fffc000)) (i64.const 2))))
    (local.set $spread
      (i64.or
        (i64.and (local.get $spread) (i64.const 0x007f007f007f007f))
        (i64.shl (i64.and (local.get $spread) (i64.const 0x3f803f803f803f80)) (i64.const 1))))
    (if (i64.ge_u (local.get $value) (i64.const 0x100000000000000))
      (then
        (i64.store (local.get $out) (i64.or (local.get $spread) (i64.const 0x8080808080808080)))
        (local.set $value (i64.shr_u (local.get $value) (i64.const 56)))
        (i32.store8 offset=8 (local.get $out)
          (i32.or (i32.wrap_i64 (local.get $value))
            (i32.shl (i64.ge_u (local.get $value) (i64.const 0x80)) (i32.const 7))))
        (i32.store8 offset=9 (local.get $out) (i32.const 1))
        (return (i32.add (local.get $out)
          (i32.add (i32.const 9) (i64.ge_u (local.get $value) (i64.const 0x80)))))))
    ;; Bytes needed: the highest bit's place, divided by seven.
    (local.set $size
      (i32.shr_u
        (i32.add
          (i32.mul
            (i32.sub (i32.const 63)
              (i32.wrap_i64 (i64.clz (i64.or (local.get $value) (i64.const 1)))))
            (i32.const 9))
          (i32.const 73))
        (i32.const 6)))
    (i64.store (local.get $out)
      (i64.or (local.get $spread)
        (i64.and (i64.const 0x8080808080808080)
          (i64.sub
            (i64.shl (i64.const 1)
              (i64.extend_i32_u (i32.shl (i32.sub (local.get $size) (i32.const 1)) (i32.const 3))))
            (i64.const 1)))))
    (i32.add (local.get $out) (local.get $size)))

  (func $copy (param $out i32) (param $from i32) (param $size i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (local.get $size)))
    (if (i32.gt_u (local.get $size) (i32.const 128))
      (then
        (memory.copy (local.get $out) (local.get $from) (local.get $size))
        (return (local.get $end))))
    (loop $rest
      (v128.store (local.get $out) (v128.load (local.get $from)))
      (v128.store offset=16 (local.get $out) (v128.load offset=16 (local.get $from)))
      (if (i32.gt_u (local.get $size) (i32.const 32))
        (then
          (local.set $out (i32.add (local.get $out) (i32.const 32)))
          (local.set $from (i32.add (local.get $from) (i32.const 32)))
          (local.set $size (i32.sub (local.get $size) (i32.const 32)))
          (br $rest))))
    (local.get $end))

  ;; Two decimal digits.
  (func $two (param $out i32) (param $value i32)
    (local $tens i32)
    (local.set $tens (i32.div_u (local.get $value) (i32.const 10)))
    (i32.store16 (local.get $out)
      (i32.add (i32.const 0x3030)
        (i32.or (local.get $tens)
          (i32.shl (i32.sub (local.get $value) (i32.mul (local.get $tens) (i32.const 10))) (i32.const 8))))))

  ;; 2019-11-11T11:11:11[.11111], without the zeros at the end of the fraction.
  (func $datetime (param $out i32) (param $micros i64) (result i32)
    (local $day i32) (local $era i32) (local $year i32) (local $month i32) (local $second i32)
    (local $size i32)
    ;; Count from 0000-03-01: then the leap day is the last of its year.
    (local.set $micros (i64.add (local.get $micros) (i64.const 62162035200000000)))
    (local.set $day (i32.wrap_i64 (i64.div_u (local.get $micros) (i64.const 86400000000))))
    (local.set $micros (i64.rem_u (local.get $micros) (i64.const 86400000000)))
    (local.set $second (i32.wrap_i64 (i64.div_u (local.get $micros) (i64.const 1000000))))
    (local.set $micros (i64.rem_u (local.get $micros) (i64.const 1000000)))
    (local.set $era (i32.div_u (local.get $day) (i32.const 146097)))
    (local.set $day (i32.rem_u (local.get $day) (i32.const 146097)))
    (local.set $year
      (i32.div_u
        (i32.sub
          (i32.add
            (i32.sub (local.get $day) (i32.div_u (local.get $day) (i32.const 1460)))
            (i32.div_u (local.get $day) (i32.const 36524)))
          (i32.div_u (local.get $day) (i32.const 146096)))
        (i32.const 365)))
    (local.set $day
      (i32.sub (local.get $day)
        (i32.sub
          (i32.add
            (i32.mul (local.get $year) (i32.const 365))
            (i32.div_u (local.get $year) (i32.const 4)))
          (i32.div_u (local.get $year) (i32.const 100)))))
    (local.set $year (i32.add (local.get $year) (i32.mul (local.get $era) (i32.const 400))))
    (local.set $month
      (i32.div_u (i32.add (i32.mul (local.get $day) (i32.const 5)) (i32.const 2)) (i32.const 153)))
    (local.set $day
      (i32.add (i32.const 1)
        (i32.sub (local.get $day)
          (i32.div_u
            (i32.add (i32.mul (local.get $month) (i32.const 153)) (i32.const 2)) (i32.const 5)))))
    (if (i32.lt_u (local.get $month) (i32.const 10))
      (then (local.set $month (i32.add (local.get $month) (i32.const 3))))
      (else
        (local.set $month (i32.sub (local.get $month) (i32.const 9)))
        (local.set $year (i32.add (local.get $year) (i32.const 1)))))
    (call $two (i32.add (local.get $out) (i32.const 1)) (i32.div_u (local.get $year) (i32.const 100)))
    (call $two (i32.add (local.get $out) (i32.const 3)) (i32.rem_u (local.get $year) (i32.const 100)))
    (i32.store8 offset=5 (local.get $out) (i32.const 0x2d))
    (call $two (i32.add (local.get $out) (i32.const 6)) (local.get $month))
    (i32.store8 offset=8 (local.get $out) (i32.const 0x2d))
    (call $two (i32.add (local.get $out) (i32.const 9)) (local.get $day))
    (i32.store8 offset=11 (local.get $out) (i32.const 0x54))
    (call $two (i32.add (local.get $out) (i32.const 12)) (i32.div_u (local.get $second) (i32.const 3600)))
    (i32.store8 offset=14 (local.get $out) (i32.const 0x3a))
    (call $two (i32.add (local.get $out) (i32.const 15))
      (i32.rem_u (i32.div_u (local.get $second) (i32.const 60)) (i32.const 60)))
    (i32.store8 offset=17 (local.get $out) (i32.const 0x3a))
    (call $two (i32.add (local.get $out) (i32.const 18)) (i32.rem_u (local.get $second) (i32.const 60)))
    (local.set $size (i32.const 19))
    (local.set $second (i32.wrap_i64 (local.get $micros)))
    (if (local.get $second)
      (then
        (i32.store8 offset=20 (local.get $out) (i32.const 0x2e))
        (call $two (i32.add (local.get $out) (i32.const 21))
          (i32.div_u (local.get $second) (i32.const 10000)))
        (call $two (i32.add (local.get $out) (i32.const 23))
          (i32.rem_u (i32.div_u (local.get $second) (i32.const 100)) (i32.const 100)))
        (call $two (i32.add (local.get $out) (i32.const 25))
          (i32.rem_u (local.get $second) (i32.const 100)))
        (local.set $size (i32.const 26))
        (loop $zeros
          (if (i32.eqz (i32.rem_u (local.get $second) (i32.const 10)))
            (then
              (local.set $second (i32.div_u (local.get $second) (i32.const 10)))
              (local.set $size (i32.sub (local.get $size) (i32.const 1)))
              (br $zeros))))))
    (i32.store8 (local.get $out) (i32.shl (local.get $size) (i32.const 1)))
    (i32.add (i32.add (local.get $out) (local.get $size)) (i32.const 1)))

  ;; The values number $i of the nodes from $node to $last; the address after them.
  (func $values (param $node i32) (param $last i32) (param $i i32) (param $out i32) (result i32)
    (local $at i32) (local $from i32) (local $to i32)
    (loop $next
      (if (i32.eq (local.get $node) (local.get $last)) (then (return (local.get $out))))
      (block $done
        (local.set $at (i32.load offset=4 (local.get $node)))
        (if (local.get $at)
          (then
            (local.set $from (i32.add (local.get $i) (i32.load offset=8 (local.get $node))))
            (if (i32.eqz (i32.and (i32.const 1)
                  (i32.shr_u
                    (i32.load8_u
                      (i32.add (local.get $at) (i32.shr_u (local.get $from) (i32.const 3))))
                    (i32.and (local.get $from) (i32.const 7)))))
              (then
                (i32.store8 (local.get $out) (i32.const 0))
                (local.set $out (i32.add (local.get $out) (i32.const 1)))
                (br $done)))))
        (i32.store8 (local.get $out) (i32.const 2))
        (local.set $out (i32.add (local.get $out) (i32.load offset=28 (local.get $node))))
        (local.set $at (i32.load offset=12 (local.get $node)))
        (block $record (block $array (block $civil (block $wide (block $decimal (block $bytes
          (block $boolean (block $double (block $int (block $long
            (br_table $long $int $double $boolean $bytes $decimal $wide $civil $array $record
              (i32.load (local.get $node))))
            ;; long
            (local.set $out (call $varint (local.get $out)
              (i64.load (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 3))))))
            (br $done))
            ;; int
            (local.set $out (call $varint (local.get $out)
              (i64.load32_s (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 2))))))
            (br $done))
            ;; double
            (i64.store (local.get $out)
              (i64.load (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 3)))))
            (local.set $out (i32.add (local.get $out) (i32.const 8)))
            (br $done))
          ;; boolean
          (local.set $from (i32.add (local.get $i) (i32.load offset=8 (local.get $node))))
          (i32.store8 (local.get $out)
            (i32.and (i32.const 1)
              (i32.shr_u
                (i32.load8_u (i32.add (local.get $at) (i32.shr_u (local.get $from) (i32.const 3))))
                (i32.and (local.get $from) (i32.const 7)))))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))
          (br $done))
          ;; bytes
          (local.set $to
            (i32.add (i32.load offset=16 (local.get $node)) (i32.shl (local.get $i) (i32.const 2))))
          (local.set $from (i32.load (local.get $to)))
          (local.set $to (i32.sub (i32.load offset=4 (local.get $to)) (local.get $from)))
          (if (i32.lt_u (local.get $to) (i32.const 64))
            (then
              (i32.store8 (local.get $out) (i32.shl (local.get $to) (i32.const 1)))
              (local.set $out (i32.add (local.get $out) (i32.const 1))))
            (else
              (local.set $out (call $varint (local.get $out) (i64.extend_i32_u (local.get $to))))))
          (local.set $out
            (call $copy (local.get $out) (i32.add (local.get $at) (local.get $from)) (local.get $to)))
          (br $done))
          ;; decimal of 16 bytes, the highest first
          (i32.store8 (local.get $out) (i32.const 32))
          (local.set $at (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 4))))
          (v128.store offset=1 (local.get $out)
            (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0
              (v128.load (local.get $at)) (v128.load (local.get $at))))
          (local.set $out (i32.add (local.get $out) (i32.const 17)))
          (br $done))
          ;; decimal of 32 bytes
          (i32.store8 (local.get $out) (i32.const 64))
          (local.set $at (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 5))))
          (v128.store offset=17 (local.get $out)
            (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0
              (v128.load (local.get $at)) (v128.load (local.get $at))))
          (v128.store offset=1 (local.get $out)
            (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0
              (v128.load offset=16 (local.get $at)) (v128.load offset=16 (local.get $at))))
          (local.set $out (i32.add (local.get $out) (i32.const 33)))
          (br $done))
          ;; datetime
          (local.set $out (call $datetime (local.get $out)
            (i64.load (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 3))))))
          (br $done))
          ;; array: one block of items, then the end
          (local.set $to
            (i32.add (i32.load offset=16 (local.get $node)) (i32.shl (local.get $i) (i32.const 2))))
          (local.set $from (i32.sub (i32.load (local.get $to)) (local.get $at)))
          (local.set $to (i32.sub (i32.load offset=4 (local.get $to)) (local.get $at)))
          (if (i32.ne (local.get $from) (local.get $to))
            (then
              (local.set $out (call $varint (local.get $out)
                (i64.extend_i32_u (i32.sub (local.get $to) (local.get $from)))))
              (loop $items
                (local.set $out
                  (call $values
                    (i32.load offset=20 (local.get $node)) (i32.load offset=24 (local.get $node))
                    (local.get $from) (local.get $out)))
                (local.set $from (i32.add (local.get $from) (i32.const 1)))
                (br_if $items (i32.ne (local.get $from) (local.get $to))))))
          (i32.store8 (local.get $out) (i32.const 0))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))
          (br $done))
        ;; record
        (local.set $out
          (call $values
            (i32.load offset=20 (local.get $node)) (i32.load offset=24 (local.get $node))
            (local.get $i) (local.get $out))))
      (local.set $node (i32.add (local.get $node) (i32.const 32)))
      (br $next))
    (unreachable))

  ;; Write the records of $rows rows of the nodes from $node to $last at $out, and the length up to the end
  ;; of each at $ends (32 bits each); the length of all.
  (func (export "encode") (param $node i32) (param $last i32) (param $rows i32) (param $out i32)
    (param $ends i32) (result i32)
    (local $i i32) (local $at i32)
    (local.set $at (local.get $out))
    (loop $row
      (if (i32.lt_u (local.get $i) (local.get $rows))
        (then
          (local.set $at
            (call $values (local.get $node) (local.get $last) (local.get $i) (local.get $at)))
          (i32.store
            (i32.add (local.get $ends) (i32.shl (local.get $i) (i32.const 2)))
            (i32.sub (local.get $at) (local.get $out)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $row))))
    (i32.sub (local.get $at) (local.get $out))))
