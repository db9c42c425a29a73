"""The JavaScript that runs a function over batches of rows, inside an isolate.

``RUNTIME`` is a function expression of a specification (JSON text): ``name``, ``parameters``, ``arguments``
(types), ``aggregated`` (which arguments an aggregate function aggregates), ``returns``, ``aggregate``,
``code``. It gives the function of a batch: JSON text of ``[columns, rows, now]`` to JSON text of the results.
A type is ``["INT64"]``, ``["ARRAY", type]`` or ``["STRUCT", [[name, type], …]]``.

Scripts see the time of the statement as the present, and random numbers that follow from it.
"""

from __future__ import annotations

# What a value that is none of the result's type is thrown as: the value, the type.
UNFIT = "\u0001unfit"

RUNTIME = r"""
(function (text) {
  'use strict';
  const spec = JSON.parse(text);
  const NativeDate = Date, stringify = JSON.stringify, parse = JSON.parse, isArray = Array.isArray;
  const bigint = BigInt, number = Number, string = String, bool = Boolean, Bytes = Uint8Array;
  let now = 0, seed = 1;
  const present = () => now;
  const Present = new Proxy(NativeDate, {
    construct(target, args, made) {
      return Reflect.construct(target, args.length ? args : [now], made === Present ? target : made);
    },
    apply() { return new NativeDate(now).toString(); },
    get(target, key) { return key === 'now' ? present : Reflect.get(target, key); },
  });
  NativeDate.prototype.constructor = Present;
  globalThis.Date = Present;
  const draw = () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  Math.random = () => (draw() * 2097152 + (draw() >>> 11)) / 9007199254740992;
  for (const name of ['setTimeout', 'clearTimeout', 'console']) globalThis[name] = undefined;

  const READERS = {
    INT64: () => (spec.aggregate ? (v) => bigint(v) : null),
    FLOAT64: () => (v) => (typeof v === 'string' ? number(v) : v),
    BYTES: () => (spec.aggregate ? (v) => Bytes.fromBase64(v) : null),
    DATE: () => (v) => new NativeDate(v),
    TIMESTAMP: () => (v) => {
      const date = new NativeDate(v[0]);
      date.microsecond = v[1];
      return date;
    },
    JSON: () => (v) => parse(v),
    ARRAY: (type) => {
      const read = reader(type[1]);
      return read && ((v) => v.map(read));
    },
    STRUCT: (type) => {
      const fields = type[1].map(([name, t]) => [name, reader(t)]);
      return (v) => {
        const made = {};
        for (let i = 0; i < fields.length; i++) {
          const [name, read] = fields[i];
          made[name] = read ? read(v[i]) : v[i];
        }
        return made;
      };
    },
  };
  function reader(type) {
    const make = READERS[type[0]];
    const read = make ? make(type) : null;
    return read && ((v) => (v === null ? null : read(v)));
  }

  function unfit(value, type) {
    let shown;
    try {
      shown = typeof value === 'string' ? stringify(value) : typeof value === 'object'
        ? stringify(value) : string(value);
    } catch (e) {
      shown = string(value);
    }
    throw '\u0001unfit' + stringify([shown, type[2] || type[0]]);
  }
  const WRITERS = {
    INT64: (type) => (v) => {
      if (typeof v === 'number') {
        if (Number.isSafeInteger(v)) return v;
        if (!Number.isFinite(v)) unfit(v, type);
        return string(bigint(Math.trunc(v)));
      }
      if (typeof v === 'bigint') return string(v);
      if (typeof v === 'boolean') return v ? 1 : 0;
      if (typeof v === 'string' && /^\s*[+-]?\d+\s*$/.test(v)) return v;
      return unfit(v, type);
    },
    FLOAT64: (type) => (v) => {
      let n = v;
      if (typeof v === 'string') {
        n = number(v);
        if (n !== n && v.trim().toLowerCase() !== 'nan') unfit(v, type);
      } else if (typeof v === 'bigint' || typeof v === 'boolean') {
        n = number(v);
      } else if (typeof v !== 'number') {
        unfit(v, type);
      }
      if (n === 0) return Object.is(n, -0) ? '-0' : 0;
      return Number.isFinite(n) ? n : string(n);
    },
    BOOL: () => (v) => bool(v),
    STRING: () => (v) => string(v).toWellFormed(),
    BYTES: (type) => (v) => {
      if (v instanceof Bytes) return v.toBase64();
      return typeof v === 'string' ? v.toWellFormed() : unfit(v, type);
    },
    JSON: (type) => (v) => {
      const text = stringify(v);
      return text === undefined ? unfit(v, type) : text.toWellFormed();
    },
    NUMERIC: (type) => (v) => (
      ['number', 'string', 'bigint'].includes(typeof v) ? string(v).toWellFormed() : unfit(v, type)),
    DATE: (type) => (v) => {
      if (v instanceof NativeDate) {
        return number.isNaN(v.getTime()) ? unfit(v, type) : v.toISOString().slice(0, 10);
      }
      return typeof v === 'string' ? v.toWellFormed() : unfit(v, type);
    },
    TIMESTAMP: (type) => (v) => {
      if (v instanceof NativeDate) {
        if (number.isNaN(v.getTime())) unfit(v, type);
        const micros = number.isInteger(v.microsecond) ? v.microsecond : 0;
        return v.toISOString().replace('Z', string(micros).padStart(3, '0').slice(0, 3) + 'Z');
      }
      return typeof v === 'string' ? v.toWellFormed() : unfit(v, type);
    },
    ARRAY: (type) => {
      const write = writer(type[1]);
      return (v) => {
        if (!isArray(v)) {
          if (!ArrayBuffer.isView(v)) unfit(v, type);
          v = Array.from(v);
        }
        return v.map(write);
      };
    },
    STRUCT: (type) => {
      const fields = type[1].map(([name, t]) => [name, writer(t)]);
      return (v) => {
        if (typeof v !== 'object') unfit(v, type);
        return fields.map(([name, write]) => write(v[name]));
      };
    },
  };
  WRITERS.BIGNUMERIC = WRITERS.NUMERIC;
  function writer(type) {
    const write = WRITERS[type[0]](type);
    return (v) => (v === null || v === undefined ? null : write(v));
  }

  const readers = spec.arguments.map(reader);
  const write = writer(spec.returns);
  const names = readers.map((_, i) => 'c' + i);
  const cell = (i) => (readers[i] ? `r[${i}](c${i}[i])` : `c${i}[i]`);

  function scalar() {
    const call = new Function(...spec.parameters, spec.code);
    const args = names.map((_, i) => cell(i)).join(', ');
    return new Function('f', 'r', 'w', 'columns', 'rows', `
      const [${names.join(', ')}] = columns, out = new Array(rows);
      for (let i = 0; i < rows; i++) out[i] = w(f(${args}));
      return out;`).bind(null, call, readers, write);
  }

  function aggregating() {
    const wanted = ['initialState', 'aggregate', 'finalize'];
    const parts = new Function(
      `${spec.code}\n;return [`
      + wanted.map((n) => `typeof ${n} === 'undefined' ? null : ${n}`).join() + '];',
    )();
    wanted.forEach((name, i) => {
      if (typeof parts[i] !== 'function') throw new TypeError(`${name} is not exported as a function`);
    });
    const [initialState, aggregate, finalize] = parts;
    const over = spec.aggregated;
    return (columns, rows) => {
      const out = new Array(rows);
      for (let i = 0; i < rows; i++) {
        const fixed = [];
        let count = 0;
        const lists = columns.map((column, a) => {
          const value = column[i];
          if (over[a]) {
            count = value === null ? 0 : value.length;
            return value;
          }
          fixed.push(readers[a] ? readers[a](value) : value);
          return null;
        });
        const state = initialState(...fixed);
        for (let j = 0; j < count; j++) {
          const args = [];
          for (let a = 0; a < lists.length; a++) {
            if (over[a]) args.push(readers[a] ? readers[a](lists[a][j]) : lists[a][j]);
          }
          aggregate(state, ...args, ...fixed);
        }
        out[i] = write(finalize(state, ...fixed));
      }
      return out;
    };
  }

  const batch = spec.aggregate ? aggregating() : scalar();
  return (text) => {
    const [columns, rows, at] = parse(text);
    if (at !== now) {
      now = at;
      seed = at | 0;
    }
    return stringify(batch(columns, rows));
  };
})
"""
