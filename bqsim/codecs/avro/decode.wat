;; Columns of Avro binary records, the inverse of encode.wat.
;;
;; A plan is a tree of nodes of 40 bytes; the children of a node are neighbours in memory.
;;
;;   0  kind         0 long, int or enum, 1 float, 2 double, 3 boolean, 4 bytes or string, 5 fixed, 6 array,
;;                   7 record
;;   4  null         the place of null in the union, -1 when the value is none
;;   8  count        values so far, missing ones included
;;  12  bytes        bytes of strings so far
;;  16  data         address of the values: 8 bytes each, 4 of a float, 1 of a boolean, the size of a fixed
;;  20  offsets      address of the 32-bit offsets of strings and arrays, the first of which is 0
;;  24  valid        address of a byte for each value: 1 when it is there
;;  28  children     address of the first child
;;  32  end          address after the last child
;;  36  size         of a fixed
;;
;; The first run counts, the second one fills what was counted. Input that ends too early traps.
(module
  (memory (export "memory") 1)
  (global $at (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))
  (global $filling (mut i32) (i32.const 0))

  ;; Zigzag variable-length integer.
  (func $long (result i64)
    (local $byte i64) (local $value i64) (local $shift i64)
    (loop $more
      (if (i32.ge_u (global.get $at) (global.get $end)) (then (unreachable)))
      (if (i64.gt_u (local.get $shift) (i64.const 63)) (then (unreachable)))
      (local.set $byte (i64.load8_u (global.get $at)))
      (global.set $at (i32.add (global.get $at) (i32.const 1)))
      (local.set $value
        (i64.or (local.get $value)
          (i64.shl (i64.and (local.get $byte) (i64.const 127)) (local.get $shift))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br_if $more (i64.ge_u (local.get $byte) (i64.const 128))))
    (i64.xor (i64.shr_u (local.get $value) (i64.const 1))
      (i64.sub (i64.const 0) (i64.and (local.get $value) (i64.const 1)))))

  ;; Where the next so many bytes are, which are passed.
  (func $take (param $size i64) (result i32)
    (local $from i32)
    (local.set $from (global.get $at))
    (if
      (i64.gt_u (local.get $size)
        (i64.extend_i32_u (i32.sub (global.get $end) (global.get $at))))
      (then (unreachable)))
    (global.set $at (i32.add (global.get $at) (i32.wrap_i64 (local.get $size))))
    (local.get $from))

  ;; One more value of a node; its number.
  (func $next (param $node i32) (result i32)
    (local $count i32)
    (local.set $count (i32.load offset=8 (local.get $node)))
    (i32.store offset=8 (local.get $node) (i32.add (local.get $count) (i32.const 1)))
    (local.get $count))

  (func $valid (param $node i32) (param $number i32) (param $is i32)
    (i32.store8
      (i32.add (i32.load offset=24 (local.get $node)) (local.get $number))
      (local.get $is)))

  ;; The end of value number so much of a string or array.
  (func $offset (param $node i32) (param $number i32) (param $value i32)
    (i32.store offset=4
      (i32.add (i32.load offset=20 (local.get $node)) (i32.shl (local.get $number) (i32.const 2)))
      (local.get $value)))

  ;; A missing value, and one of each child of a record. What it holds is zero already.
  (func $absent (param $node i32)
    (local $kind i32) (local $child i32) (local $number i32)
    (local.set $number (call $next (local.get $node)))
    (local.set $kind (i32.load (local.get $node)))
    (if (i32.eq (local.get $kind) (i32.const 7))
      (then
        (local.set $child (i32.load offset=28 (local.get $node)))
        (block $done
          (loop $each
            (br_if $done (i32.ge_u (local.get $child) (i32.load offset=32 (local.get $node))))
            (call $absent (local.get $child))
            (local.set $child (i32.add (local.get $child) (i32.const 40)))
            (br $each)))))
    (if (i32.eqz (global.get $filling)) (then (return)))
    (if (i32.eq (local.get $kind) (i32.const 4))
      (then
        (call $offset (local.get $node) (local.get $number) (i32.load offset=12 (local.get $node)))))
    (if (i32.eq (local.get $kind) (i32.const 6))
      (then
        (call $offset (local.get $node) (local.get $number)
          (i32.load offset=8 (i32.load offset=28 (local.get $node)))))))

  (func $items (param $item i32)
    (local $left i64)
    (block $done
      (loop $blocks
        (local.set $left (call $long))
        (br_if $done (i64.eqz (local.get $left)))
        (if (i64.lt_s (local.get $left) (i64.const 0))
          (then
            (local.set $left (i64.sub (i64.const 0) (local.get $left)))
            (drop (call $long))))
        (loop $each
          (call $value (local.get $item))
          (local.set $left (i64.sub (local.get $left) (i64.const 1)))
          (br_if $each (i64.ne (local.get $left) (i64.const 0))))
        (br $blocks))))

  (func $record (param $node i32)
    (local $child i32) (local $end i32)
    (local.set $child (i32.load offset=28 (local.get $node)))
    (local.set $end (i32.load offset=32 (local.get $node)))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $child) (local.get $end)))
        (call $value (local.get $child))
        (local.set $child (i32.add (local.get $child) (i32.const 40)))
        (br $each))))

  (func $string (param $node i32) (param $number i32)
    (local $size i64) (local $from i32) (local $bytes i32)
    (local.set $size (call $long))
    (local.set $from (call $take (local.get $size)))
    (local.set $bytes (i32.load offset=12 (local.get $node)))
    (if (global.get $filling)
      (then
        (memory.copy
          (i32.add (i32.load offset=16 (local.get $node)) (local.get $bytes))
          (local.get $from) (i32.wrap_i64 (local.get $size)))
        (call $offset (local.get $node) (local.get $number)
          (i32.add (local.get $bytes) (i32.wrap_i64 (local.get $size))))))
    (i32.store offset=12 (local.get $node)
      (i32.add (local.get $bytes) (i32.wrap_i64 (local.get $size)))))

  (func $value (param $node i32)
    (local $number i32) (local $data i32) (local $long i64) (local $size i32)
    (if (i32.ge_s (i32.load offset=4 (local.get $node)) (i32.const 0))
      (then
        (local.set $long (call $long))
        (if (i64.gt_u (local.get $long) (i64.const 1)) (then (unreachable)))
        (if (i32.eq (i32.wrap_i64 (local.get $long)) (i32.load offset=4 (local.get $node)))
          (then (call $absent (local.get $node)) (return)))))
    (local.set $number (call $next (local.get $node)))
    (if (global.get $filling) (then (call $valid (local.get $node) (local.get $number) (i32.const 1))))
    (local.set $data (i32.load offset=16 (local.get $node)))
    (block $records
      (block $arrays
        (block $fixed
          (block $strings
            (block $booleans
              (block $doubles
                (block $floats
                  (block $longs
                    (br_table $longs $floats $doubles $booleans $strings $fixed $arrays $records
                      (i32.load (local.get $node))))
                  (local.set $long (call $long))
                  (if (global.get $filling)
                    (then
                      (i64.store
                        (i32.add (local.get $data) (i32.shl (local.get $number) (i32.const 3)))
                        (local.get $long))))
                  (return))
                (local.set $size (call $take (i64.const 4)))
                (if (global.get $filling)
                  (then
                    (i32.store
                      (i32.add (local.get $data) (i32.shl (local.get $number) (i32.const 2)))
                      (i32.load (local.get $size)))))
                (return))
              (local.set $size (call $take (i64.const 8)))
              (if (global.get $filling)
                (then
                  (i64.store
                    (i32.add (local.get $data) (i32.shl (local.get $number) (i32.const 3)))
                    (i64.load (local.get $size)))))
              (return))
            (local.set $size (call $take (i64.const 1)))
            (if (global.get $filling)
              (then
                (i32.store8
                  (i32.add (local.get $data) (local.get $number))
                  (i32.load8_u (local.get $size)))))
            (return))
          (call $string (local.get $node) (local.get $number))
          (return))
        (local.set $size (i32.load offset=36 (local.get $node)))
        (if (global.get $filling)
          (then
            (memory.copy
              (i32.add (local.get $data) (i32.mul (local.get $number) (local.get $size)))
              (call $take (i64.extend_i32_u (local.get $size))) (local.get $size)))
          (else (drop (call $take (i64.extend_i32_u (local.get $size))))))
        (return))
      (call $items (i32.load offset=28 (local.get $node)))
      (if (global.get $filling)
        (then
          (call $offset (local.get $node) (local.get $number)
            (i32.load offset=8 (i32.load offset=28 (local.get $node))))))
      (return))
    (call $record (local.get $node)))

  ;; Read so many records from the bytes between two addresses, filling the columns or counting.
  (func (export "decode")
    (param $node i32) (param $from i32) (param $end i32) (param $count i32) (param $filling i32)
    (global.set $at (local.get $from))
    (global.set $end (local.get $end))
    (global.set $filling (local.get $filling))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $count)))
        (call $value (local.get $node))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $each)))
    (if (i32.ne (global.get $at) (local.get $end)) (then (unreachable)))))
