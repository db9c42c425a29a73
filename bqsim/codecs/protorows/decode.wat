;; Serialised protobuf messages to Arrow buffers.
;;
;; Node (a message type at one place of the tree), 32 bytes:
;;    0 dense    address of u32 slot addresses by field number      4 dense_limit  its length
;;    8 sparse   address of sorted (u32 number, u32 slot address)  12 sparse_count
;;   16 lists    address of u32 slot addresses of the repeated fields that have one list per instance of this
;;               node (those of singular messages below it too)    20 lists_count
;;   24 slots    address of its own slots                          28 slots_count
;;
;; Slot (a field at one place of the tree), 64 bytes:
;;    0 op        how values are read ($put)      4 wire      wire type of one value
;;    8 repeated  0 or 1                         12 packable  1 when a packed run is accepted too
;;   16 child     node of a message              20 oneof     address of u32 count and the other members' slots
;;   24 owner     slot of the repeated message whose items are the instances of this field's message; 0 for rows
;;   28 presence  a byte per instance            32 cells     scratch: a byte per BOOL, (u32 address, u32 length)
;;   36 values    numbers                        40 starts    i32 list offsets
;;   44 bitmap    validity bits                  48 packed    bits of BOOLs, i32 offsets of bytes
;;   52 counter   items so far (repeated)        56 nulls     (result)
;;   60 data      address of bytes (result); of an enum: address of u32 count and its i32 numbers, ascending
;;
;; An instance is a row, or an item of a repeated message. A singular message has the index of its parent.
;;
;; Whoever finds a fault stores it in $fault and returns 0 for the next address:
;;   1 truncated, 2 varint of more than ten bytes, 3 invalid tag, 4 invalid wire type, 5 end of a group that
;;   was not begun, 6 nested too deeply, 7 invalid length
;; A row has fault 8 when it needs more of $budget than is left.
(module
  (memory (export "memory") 1)
  (global $fault (mut i32) (i32.const 0))
  (global $filling (mut i32) (i32.const 0))
  ;; Fields that may still be visited to unset members of oneofs.
  (global $budget (mut i32) (i32.const 0))
  (global $overdrawn (mut i32) (i32.const 0))

  (func $fail (param $fault i32) (result i32)
    (global.set $fault (local.get $fault))
    (i32.const 0))

  ;; A varint at $p: its value and the address after it. Bytes past $end may be loaded, but count for nothing.
  (func $varint (param $p i32) (param $end i32) (result i64 i32)
    (local $x i64) (local $stop i64) (local $n i32)
    (if (i32.ge_u (local.get $p) (local.get $end))
      (then (return (i64.const 0) (call $fail (i32.const 1)))))
    (local.set $x (i64.load (local.get $p)))
    (if (i64.eqz (i64.and (local.get $x) (i64.const 0x80)))
      (then (return
        (i64.and (local.get $x) (i64.const 0x7f))
        (i32.add (local.get $p) (i32.const 1)))))
    ;; The first byte without a continuation bit ends the value.
    (local.set $stop (i64.and
      (i64.xor (local.get $x) (i64.const -1))
      (i64.const 0x8080808080808080)))
    (if (i64.eqz (local.get $stop))
      (then (return (call $long_varint (local.get $p) (local.get $end)))))
    (local.set $n (i32.add
      (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $stop)) (i64.const 3)))
      (i32.const 1)))
    (if (i32.gt_u (local.get $n) (i32.sub (local.get $end) (local.get $p)))
      (then (return (i64.const 0) (call $fail (i32.const 1)))))
    (local.set $x (i64.and
      (i64.and (local.get $x) (i64.const 0x7f7f7f7f7f7f7f7f))
      (i64.xor (local.get $stop) (i64.sub (local.get $stop) (i64.const 1)))))
    ;; Groups of 7 bits move together: pairs, pairs of pairs, halves.
    (local.set $x (i64.or
      (i64.and (local.get $x) (i64.const 0x007f007f007f007f))
      (i64.shr_u (i64.and (local.get $x) (i64.const 0x7f007f007f007f00)) (i64.const 1))))
    (local.set $x (i64.or
      (i64.and (local.get $x) (i64.const 0x00003fff00003fff))
      (i64.shr_u (i64.and (local.get $x) (i64.const 0x3fff00003fff0000)) (i64.const 2))))
    (local.set $x (i64.or
      (i64.and (local.get $x) (i64.const 0x000000000fffffff))
      (i64.shr_u (i64.and (local.get $x) (i64.const 0x0fffffff00000000)) (i64.const 4))))
    (local.get $x)
    (i32.add (local.get $p) (local.get $n)))

  ;; Byte by byte, for nine and ten bytes.
  (func $long_varint (param $p i32) (param $end i32) (result i64 i32)
    (local $x i64) (local $shift i64) (local $byte i64)
    (loop $next
      (if (i32.ge_u (local.get $p) (local.get $end))
        (then (return (i64.const 0) (call $fail (i32.const 1)))))
      (local.set $byte (i64.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (local.set $x (i64.or
        (local.get $x)
        (i64.shl (i64.and (local.get $byte) (i64.const 0x7f)) (local.get $shift))))
      (if (i64.lt_u (local.get $byte) (i64.const 0x80))
        (then (return (local.get $x) (local.get $p))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br_if $next (i64.lt_u (local.get $shift) (i64.const 70))))
    (i64.const 0)
    (call $fail (i32.const 2)))

  ;; A tag: at most five bytes and 32 bits, of a field number other than 0.
  (func $tag (param $p i32) (param $end i32) (result i32 i32)
    (local $x i64) (local $next i32)
    (call $varint (local.get $p) (local.get $end))
    (local.set $next)
    (local.set $x)
    (if (i32.eqz (local.get $next))
      (then (return (i32.const 0) (i32.const 0))))
    (if (i32.or
          (i32.gt_u (i32.sub (local.get $next) (local.get $p)) (i32.const 5))
          (i32.or
            (i64.gt_u (local.get $x) (i64.const 0xffffffff))
            (i64.lt_u (local.get $x) (i64.const 8))))
      (then (return (i32.const 0) (call $fail (i32.const 3)))))
    (i32.wrap_i64 (local.get $x))
    (local.get $next))

  ;; The length of what follows, which must end by $end.
  (func $length (param $p i32) (param $end i32) (result i32 i32)
    (local $x i64) (local $next i32)
    (call $varint (local.get $p) (local.get $end))
    (local.set $next)
    (local.set $x)
    (if (i32.eqz (local.get $next))
      (then (return (i32.const 0) (i32.const 0))))
    (if (i32.or
          (i32.gt_u (i32.sub (local.get $next) (local.get $p)) (i32.const 5))
          (i64.gt_u (local.get $x) (i64.const 0x7fffffff)))
      (then (return (i32.const 0) (call $fail (i32.const 7)))))
    (if (i32.gt_u (i32.wrap_i64 (local.get $x)) (i32.sub (local.get $end) (local.get $next)))
      (then (return (i32.const 0) (call $fail (i32.const 1)))))
    (i32.wrap_i64 (local.get $x))
    (local.get $next))

  ;; The address after $n bytes.
  (func $after (param $p i32) (param $end i32) (param $n i32) (result i32)
    (if (i32.gt_u (local.get $n) (i32.sub (local.get $end) (local.get $p)))
      (then (return (call $fail (i32.const 1)))))
    (i32.add (local.get $p) (local.get $n)))

  ;; The address after an unknown field whose tag ends at $p.
  (func $skip (param $tag i32) (param $p i32) (param $end i32) (param $depth i32) (result i32)
    (local $n i32) (local $inner i32)
    (block $invalid
      (block $fixed32
        (block $group_end
          (block $group
            (block $bytes
              (block $fixed64
                (block $varint
                  (br_table $varint $fixed64 $bytes $group $group_end $fixed32 $invalid
                    (i32.and (local.get $tag) (i32.const 7))))
                (call $varint (local.get $p) (local.get $end))
                (local.set $p)
                (drop)
                (return (local.get $p)))
              (return (call $after (local.get $p) (local.get $end) (i32.const 8))))
            (call $length (local.get $p) (local.get $end))
            (local.set $p)
            (local.set $n)
            (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
            (return (i32.add (local.get $p) (local.get $n))))
          (if (i32.eqz (local.get $depth)) (then (return (call $fail (i32.const 6)))))
          (loop $next
            (call $tag (local.get $p) (local.get $end))
            (local.set $p)
            (local.set $inner)
            (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
            ;; An end tag is its start tag plus one.
            (if (i32.eq (local.get $inner) (i32.add (local.get $tag) (i32.const 1)))
              (then (return (local.get $p))))
            (local.set $p (call $skip
              (local.get $inner) (local.get $p) (local.get $end)
              (i32.sub (local.get $depth) (i32.const 1))))
            (br_if $next (local.get $p)))
          (return (i32.const 0)))
        (return (call $fail (i32.const 5))))
      (return (call $after (local.get $p) (local.get $end) (i32.const 4))))
    (call $fail (i32.const 4)))

  ;; The slot of a field number; 0 when unknown.
  (func $slot (param $node i32) (param $number i32) (result i32)
    (local $low i32) (local $high i32) (local $middle i32) (local $entry i32)
    (if (i32.lt_u (local.get $number) (i32.load offset=4 (local.get $node)))
      (then (return (i32.load (i32.add
        (i32.load (local.get $node))
        (i32.shl (local.get $number) (i32.const 2)))))))
    (local.set $high (i32.load offset=12 (local.get $node)))
    (loop $next
      (if (i32.lt_u (local.get $low) (local.get $high))
        (then
          (local.set $middle (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
          (local.set $entry (i32.add
            (i32.load offset=8 (local.get $node))
            (i32.shl (local.get $middle) (i32.const 3))))
          (if (i32.eq (i32.load (local.get $entry)) (local.get $number))
            (then (return (i32.load offset=4 (local.get $entry)))))
          (if (i32.lt_u (i32.load (local.get $entry)) (local.get $number))
            (then (local.set $low (i32.add (local.get $middle) (i32.const 1))))
            (else (local.set $high (local.get $middle))))
          (br $next))))
    (i32.const 0))

  ;; The index of a new value: the next item, or the instance of its message.
  (func $claim (param $slot i32) (param $at i32) (result i32)
    (local $index i32)
    (if (i32.load offset=8 (local.get $slot))
      (then
        (local.set $index (i32.load offset=52 (local.get $slot)))
        (i32.store offset=52 (local.get $slot) (i32.add (local.get $index) (i32.const 1)))
        (return (local.get $index))))
    (if (global.get $filling)
      (then
        (if (i32.load offset=20 (local.get $slot))
          (then (call $clear_others (i32.load offset=20 (local.get $slot)) (local.get $at))))
        (i32.store8 (i32.add (i32.load offset=28 (local.get $slot)) (local.get $at)) (i32.const 1))))
    (local.get $at))

  ;; Unset the other members of a oneof.
  (func $clear_others (param $members i32) (param $at i32)
    (local $end i32)
    (local.set $end (i32.add
      (local.get $members)
      (i32.shl (i32.load (local.get $members)) (i32.const 2))))
    (loop $next
      (if (i32.lt_u (local.get $members) (local.get $end))
        (then
          (local.set $members (i32.add (local.get $members) (i32.const 4)))
          (call $clear (i32.load (local.get $members)) (local.get $at))
          (br $next)))))

  ;; Unset a field of an instance, with everything below it.
  (func $clear (param $slot i32) (param $at i32)
    (local $from i32) (local $index i32) (local $count i32)
    (if (i32.load offset=8 (local.get $slot))
      (then
        (local.set $from (i32.load (i32.add
          (i32.load offset=40 (local.get $slot))
          (i32.shl (local.get $at) (i32.const 2)))))
        (local.set $count (i32.load offset=52 (local.get $slot)))
        (if (i32.ge_u (local.get $from) (local.get $count)) (then (return)))
        (if (i32.load offset=16 (local.get $slot))
          (then
            (local.set $index (local.get $from))
            (loop $next
              (call $clear_node (i32.load offset=16 (local.get $slot)) (local.get $index))
              (local.set $index (i32.add (local.get $index) (i32.const 1)))
              (br_if $next (i32.lt_u (local.get $index) (local.get $count))))))
        (i32.store offset=52 (local.get $slot) (local.get $from))
        (return)))
    (local.set $from (i32.add (i32.load offset=28 (local.get $slot)) (local.get $at)))
    (if (i32.eqz (i32.load8_u (local.get $from))) (then (return)))
    (i32.store8 (local.get $from) (i32.const 0))
    (if (i32.load offset=16 (local.get $slot))
      (then (call $clear_node (i32.load offset=16 (local.get $slot)) (local.get $at)))))

  (func $clear_node (param $node i32) (param $at i32)
    (local $slot i32) (local $end i32)
    (if (i32.lt_s (global.get $budget) (i32.load offset=28 (local.get $node)))
      (then
        (global.set $overdrawn (i32.const 8))
        (return)))
    (global.set $budget (i32.sub (global.get $budget) (i32.load offset=28 (local.get $node))))
    (local.set $slot (i32.load offset=24 (local.get $node)))
    (local.set $end (i32.add
      (local.get $slot)
      (i32.shl (i32.load offset=28 (local.get $node)) (i32.const 6))))
    (loop $next
      (if (i32.lt_u (local.get $slot) (local.get $end))
        (then
          (call $clear (local.get $slot) (local.get $at))
          (local.set $slot (i32.add (local.get $slot) (i32.const 64)))
          (br $next)))))

  ;; Start the lists of a new instance.
  (func $begin (param $node i32) (param $at i32)
    (local $p i32) (local $end i32) (local $slot i32)
    (local.set $p (i32.load offset=16 (local.get $node)))
    (local.set $end (i32.add
      (local.get $p)
      (i32.shl (i32.load offset=20 (local.get $node)) (i32.const 2))))
    (loop $next
      (if (i32.lt_u (local.get $p) (local.get $end))
        (then
          (local.set $slot (i32.load (local.get $p)))
          (i32.store
            (i32.add (i32.load offset=40 (local.get $slot)) (i32.shl (local.get $at) (i32.const 2)))
            (i32.load offset=52 (local.get $slot)))
          (local.set $p (i32.add (local.get $p) (i32.const 4)))
          (br $next)))))

  ;; 1 unless the slot is an enum that does not have this number: then it is an unknown field.
  (func $is_known (param $slot i32) (param $x i64) (result i32)
    (local $list i32) (local $low i32) (local $high i32) (local $middle i32) (local $number i32)
    (if (i32.ne (i32.load (local.get $slot)) (i32.const 9)) (then (return (i32.const 1))))
    (local.set $list (i32.load offset=60 (local.get $slot)))
    (local.set $high (i32.load (local.get $list)))
    (loop $next
      (if (i32.lt_u (local.get $low) (local.get $high))
        (then
          (local.set $middle (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
          (local.set $number (i32.load offset=4
            (i32.add (local.get $list) (i32.shl (local.get $middle) (i32.const 2)))))
          (if (i32.eq (local.get $number) (i32.wrap_i64 (local.get $x)))
            (then (return (i32.const 1))))
          (if (i32.lt_s (local.get $number) (i32.wrap_i64 (local.get $x)))
            (then (local.set $low (i32.add (local.get $middle) (i32.const 1))))
            (else (local.set $high (local.get $middle))))
          (br $next))))
    (i32.const 0))

  ;; Store a number. Ops: 0 64 bits, 1 32 bits, 2 zigzag of 32, 3 zigzag of 64, 4 BOOL, 5 fixed 32, 6 fixed 64,
  ;; 9 enum; 7 and 8 are bytes and messages.
  (func $put (param $slot i32) (param $index i32) (param $x i64)
    (local $values i32) (local $half i32)
    (if (i32.eqz (global.get $filling)) (then (return)))
    (local.set $values (i32.load offset=36 (local.get $slot)))
    (block $zigzag32
      (block $bool
        (block $zigzag64
          (block $four
            (block $eight
              (br_table $eight $four $zigzag32 $zigzag64 $bool $four $eight $eight $eight $four
                (i32.load (local.get $slot))))
            (i64.store
              (i32.add (local.get $values) (i32.shl (local.get $index) (i32.const 3)))
              (local.get $x))
            (return))
          (i64.store32
            (i32.add (local.get $values) (i32.shl (local.get $index) (i32.const 2)))
            (local.get $x))
          (return))
        (i64.store
          (i32.add (local.get $values) (i32.shl (local.get $index) (i32.const 3)))
          (i64.xor
            (i64.shr_u (local.get $x) (i64.const 1))
            (i64.sub (i64.const 0) (i64.and (local.get $x) (i64.const 1)))))
        (return))
      (i32.store8
        (i32.add (i32.load offset=32 (local.get $slot)) (local.get $index))
        (i64.ne (local.get $x) (i64.const 0)))
      (return))
    (local.set $half (i32.wrap_i64 (local.get $x)))
    (i32.store
      (i32.add (local.get $values) (i32.shl (local.get $index) (i32.const 2)))
      (i32.xor
        (i32.shr_u (local.get $half) (i32.const 1))
        (i32.sub (i32.const 0) (i32.and (local.get $half) (i32.const 1))))))

  ;; A packed run from $p to $end. 1 when it is well-formed.
  (func $packed (param $slot i32) (param $p i32) (param $end i32) (result i32)
    (local $shift i32) (local $x i64) (local $index i32) (local $bytes i32)
    (if (i32.load offset=4 (local.get $slot))
      (then
        (local.set $shift (i32.sub (i32.load (local.get $slot)) (i32.const 3)))
        (local.set $bytes (i32.sub (local.get $end) (local.get $p)))
        (if (i32.and
              (local.get $bytes)
              (i32.sub (i32.shl (i32.const 1) (local.get $shift)) (i32.const 1)))
          (then (return (call $fail (i32.const 7)))))
        (local.set $index (i32.load offset=52 (local.get $slot)))
        (i32.store offset=52 (local.get $slot)
          (i32.add (local.get $index) (i32.shr_u (local.get $bytes) (local.get $shift))))
        (if (global.get $filling)
          (then (memory.copy
            (i32.add
              (i32.load offset=36 (local.get $slot))
              (i32.shl (local.get $index) (local.get $shift)))
            (local.get $p)
            (local.get $bytes))))
        (return (i32.const 1))))
    (loop $next
      (if (i32.ge_u (local.get $p) (local.get $end)) (then (return (i32.const 1))))
      (call $varint (local.get $p) (local.get $end))
      (local.set $p)
      (local.set $x)
      (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
      (if (call $is_known (local.get $slot) (local.get $x))
        (then
          (call $put (local.get $slot) (call $claim (local.get $slot) (i32.const 0)) (local.get $x))))
      (br $next))
    (unreachable))

  ;; The fields of instance $at of $node, from $p to $end. 1 when they are well-formed.
  (func $message
    (param $node i32) (param $p i32) (param $end i32) (param $at i32) (param $depth i32) (result i32)
    (local $tag i32) (local $wire i32) (local $slot i32) (local $n i32) (local $index i32) (local $x i64)
    (loop $next
      (if (i32.ge_u (local.get $p) (local.get $end)) (then (return (i32.const 1))))
      (local.set $tag (i32.load8_u (local.get $p)))
      (if (i32.and
            (i32.lt_u (local.get $tag) (i32.const 0x80))
            (i32.ge_u (local.get $tag) (i32.const 8)))
        (then (local.set $p (i32.add (local.get $p) (i32.const 1))))
        (else
          (call $tag (local.get $p) (local.get $end))
          (local.set $p)
          (local.set $tag)
          (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))))
      (local.set $slot (call $slot (local.get $node) (i32.shr_u (local.get $tag) (i32.const 3))))
      (block $unknown
        (br_if $unknown (i32.eqz (local.get $slot)))
        (local.set $wire (i32.and (local.get $tag) (i32.const 7)))
        (if (i32.ne (local.get $wire) (i32.load offset=4 (local.get $slot)))
          (then
            (if (i32.and
                  (i32.eq (local.get $wire) (i32.const 2))
                  (i32.load offset=12 (local.get $slot)))
              (then
                (call $length (local.get $p) (local.get $end))
                (local.set $p)
                (local.set $n)
                (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
                (local.set $n (i32.add (local.get $p) (local.get $n)))
                (if (i32.eqz (call $packed (local.get $slot) (local.get $p) (local.get $n)))
                  (then (return (i32.const 0))))
                (local.set $p (local.get $n))
                (br $next)))
            (br $unknown)))
        (block $bytes
          (block $fixed64
            (block $fixed32
              (block $varint
                (br_table $varint $fixed64 $bytes $bytes $bytes $fixed32 (local.get $wire)))
              (call $varint (local.get $p) (local.get $end))
              (local.set $p)
              (local.set $x)
              (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
              (if (call $is_known (local.get $slot) (local.get $x))
                (then (call $put
                  (local.get $slot) (call $claim (local.get $slot) (local.get $at))
                  (local.get $x))))
              (br $next))
            (local.set $n (call $after (local.get $p) (local.get $end) (i32.const 4)))
            (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
            (call $put
              (local.get $slot) (call $claim (local.get $slot) (local.get $at))
              (i64.load32_u (local.get $p)))
            (local.set $p (local.get $n))
            (br $next))
          (local.set $n (call $after (local.get $p) (local.get $end) (i32.const 8)))
          (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
          (call $put
            (local.get $slot) (call $claim (local.get $slot) (local.get $at))
            (i64.load (local.get $p)))
          (local.set $p (local.get $n))
          (br $next))
        (call $length (local.get $p) (local.get $end))
        (local.set $p)
        (local.set $n)
        (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
        (local.set $index (call $claim (local.get $slot) (local.get $at)))
        (if (i32.load offset=16 (local.get $slot))
          (then
            (if (i32.eqz (local.get $depth)) (then (return (call $fail (i32.const 6)))))
            (if (i32.and (global.get $filling) (i32.load offset=8 (local.get $slot)))
              (then (call $begin (i32.load offset=16 (local.get $slot)) (local.get $index))))
            (if (i32.eqz (call $message
                  (i32.load offset=16 (local.get $slot))
                  (local.get $p)
                  (i32.add (local.get $p) (local.get $n))
                  (local.get $index)
                  (i32.sub (local.get $depth) (i32.const 1))))
              (then (return (i32.const 0)))))
          (else
            (if (global.get $filling)
              (then
                (local.set $index (i32.add
                  (i32.load offset=32 (local.get $slot))
                  (i32.shl (local.get $index) (i32.const 3))))
                (i32.store (local.get $index) (local.get $p))
                (i32.store offset=4 (local.get $index) (local.get $n))))))
        (local.set $p (i32.add (local.get $p) (local.get $n)))
        (br $next))
      (local.set $p (call $skip (local.get $tag) (local.get $p) (local.get $end) (local.get $depth)))
      (br_if $next (local.get $p)))
    (i32.const 0))

  ;; Read the rows that have no mark: count the items of repeated fields, or fill everything. A malformed row
  ;; is marked with its fault. Messages may be 100 deep below their row. The number of rows newly marked.
  (func (export "read")
    (param $filling i32) (param $root i32) (param $starts i32) (param $rows i32) (param $marks i32)
    (param $budget i32) (result i32)
    (local $row i32) (local $malformed i32)
    (global.set $filling (local.get $filling))
    (global.set $budget (local.get $budget))
    (loop $next
      (if (i32.lt_u (local.get $row) (local.get $rows))
        (then
          (if (local.get $filling) (then (call $begin (local.get $root) (local.get $row))))
          (if (i32.eqz (i32.load8_u (i32.add (local.get $marks) (local.get $row))))
            (then
              (global.set $overdrawn (i32.const 0))
              (if (call $message
                    (local.get $root)
                    (i32.load (local.get $starts))
                    (i32.load offset=4 (local.get $starts))
                    (local.get $row)
                    (i32.const 100))
                (then (global.set $fault (global.get $overdrawn))))
              (if (global.get $fault)
                (then
                  (i32.store8 (i32.add (local.get $marks) (local.get $row)) (global.get $fault))
                  (global.set $fault (i32.const 0))
                  (local.set $malformed (i32.add (local.get $malformed) (i32.const 1)))))))
          (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
          (local.set $row (i32.add (local.get $row) (i32.const 1)))
          (br $next))))
    (local.get $malformed))

  ;; Bytes of 0 and 1 to bits; what follows them, up to a multiple of eight, is 0. The number of ones.
  (func $pack (param $from i32) (param $to i32) (param $count i32) (result i32)
    (local $end i32) (local $bits i64) (local $ones i64)
    (local.set $end (i32.add (local.get $from) (local.get $count)))
    (loop $next
      (if (i32.lt_u (local.get $from) (local.get $end))
        (then
          ;; The product has bit i of the result at bit 56 + i, from byte i.
          (local.set $bits (i64.shr_u
            (i64.mul (i64.load (local.get $from)) (i64.const 0x0102040810204080))
            (i64.const 56)))
          (i64.store8 (local.get $to) (local.get $bits))
          (local.set $ones (i64.add (local.get $ones) (i64.popcnt (local.get $bits))))
          (local.set $from (i32.add (local.get $from) (i32.const 8)))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (br $next))))
    (i32.wrap_i64 (local.get $ones)))

  ;; The values of a bytes slot, one after another at $data, and their offsets. The address after them.
  (func $gather (param $slot i32) (param $count i32) (param $data i32) (result i32)
    (local $first i32) (local $index i32) (local $cell i32) (local $offsets i32) (local $presence i32)
    (local $from i32) (local $n i32) (local $to i32)
    (local.set $first (local.get $data))
    (local.set $cell (i32.load offset=32 (local.get $slot)))
    (local.set $offsets (i32.load offset=48 (local.get $slot)))
    (if (i32.eqz (i32.load offset=8 (local.get $slot)))
      (then (local.set $presence (i32.load offset=28 (local.get $slot)))))
    (i32.store (local.get $offsets) (i32.const 0))
    (loop $next
      (if (i32.lt_u (local.get $index) (local.get $count))
        (then
          (local.set $n (i32.load offset=4 (local.get $cell)))
          (if (local.get $presence)
            (then
              (if (i32.eqz (i32.load8_u (i32.add (local.get $presence) (local.get $index))))
                (then (local.set $n (i32.const 0))))))
          (local.set $from (i32.load (local.get $cell)))
          (if (i32.le_u (local.get $n) (i32.const 64))
            (then
              ;; Sixteen bytes at a time: what is too much is overwritten by the next value, or is behind all.
              (local.set $to (local.get $data))
              (local.set $data (i32.add (local.get $data) (local.get $n)))
              (loop $more
                (if (i32.lt_u (local.get $to) (local.get $data))
                  (then
                    (v128.store (local.get $to) (v128.load (local.get $from)))
                    (local.set $to (i32.add (local.get $to) (i32.const 16)))
                    (local.set $from (i32.add (local.get $from) (i32.const 16)))
                    (br $more)))))
            (else
              (memory.copy (local.get $data) (local.get $from) (local.get $n))
              (local.set $data (i32.add (local.get $data) (local.get $n)))))
          (local.set $cell (i32.add (local.get $cell) (i32.const 8)))
          (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
          (i32.store (local.get $offsets) (i32.sub (local.get $data) (local.get $first)))
          (local.set $index (i32.add (local.get $index) (i32.const 1)))
          (br $next))))
    (local.get $data))

  ;; Make Arrow buffers of what was filled; bytes go to $data. The address after them.
  (func (export "finish") (param $slot i32) (param $count i32) (param $rows i32) (param $data i32) (result i32)
    (local $end i32) (local $instances i32) (local $values i32)
    (local.set $end (i32.add (local.get $slot) (i32.shl (local.get $count) (i32.const 6))))
    (loop $next
      (if (i32.lt_u (local.get $slot) (local.get $end))
        (then
          (local.set $instances (local.get $rows))
          (if (i32.load offset=24 (local.get $slot))
            (then (local.set $instances (i32.load offset=52 (i32.load offset=24 (local.get $slot))))))
          (local.set $values (local.get $instances))
          (if (i32.load offset=8 (local.get $slot))
            (then
              (local.set $values (i32.load offset=52 (local.get $slot)))
              (i32.store
                (i32.add
                  (i32.load offset=40 (local.get $slot))
                  (i32.shl (local.get $instances) (i32.const 2)))
                (local.get $values)))
            (else
              (i32.store offset=56 (local.get $slot) (i32.sub
                (local.get $instances)
                (call $pack
                  (i32.load offset=28 (local.get $slot))
                  (i32.load offset=44 (local.get $slot))
                  (local.get $instances))))))
          (if (i32.eq (i32.load (local.get $slot)) (i32.const 4))
            (then (drop (call $pack
              (i32.load offset=32 (local.get $slot))
              (i32.load offset=48 (local.get $slot))
              (local.get $values)))))
          (if (i32.eq (i32.load (local.get $slot)) (i32.const 7))
            (then
              (i32.store offset=60 (local.get $slot) (local.get $data))
              (local.set $data (call $gather (local.get $slot) (local.get $values) (local.get $data)))))
          (local.set $slot (i32.add (local.get $slot) (i32.const 64)))
          (br $next))))
    (local.get $data)))
