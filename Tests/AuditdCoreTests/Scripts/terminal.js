// Holds the page's terminal against what xterm does; evaluated in the page by page.py. The value
// is what was wrong, as JSON.
(async () => {
  const { Terminal } = await import("/web/terminal.js");

  // What is written to a terminal of 10 columns and 4 rows, and the lines that it then shows.
  const screens = [
    ["ab\r\ncd", "ab|cd||"],
    ["0123456789abc", "0123456789|abc||"],
    ["\x1b[?7l0123456789abc", "012345678c|||"],
    ["ab\x1b[?1049hxyz\x1b[?1049lcd", "abcd|||"],
    ["ab\x1b[?1049h\x1b[2;2Hxyz", "| xyz||"],
    ["a漢字b", "a漢字b|||"],
    ["a漢字b\x1b[1;3Hx", "a x字b|||"],
    ["123456789漢", "123456789|漢||"],
    ["e\u0301x\u200d", "e\u0301x\u200d|||"],
    ["\x1b(0lqk\x1b(B lqk", "┌─┐ lqk|||"],
    ["\x1b)0\x0ex\x0fx", "│x|||"],
    ["abcdef\x1b[4D\x1b[2P\x1b[1@", "ab ef|||"],
    ["abc\x1b[4h\x1b[1Gx", "xabc|||"],
    ["ab\x1b[3b", "abbbb|||"],
    ["a\tb\x1b[Zc", "a       c|||"],
    ["1\r\n2\r\n3\r\n4\r\n5", "1|2|3|4|5"],
    ["1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n5", "1|3|5|4"],
    ["1\r\n2\r\n3\x1b[1;1H\x1b[L\x1b[3;1H\x1b[M", "|1|3|"],
    ["abc\x1b[2;5H\x1b7\x1b[1;1Hx\x1b8y", "xbc|    y||"],
    ["\x1b[2;3r\x1b[?6h\x1b[1;1Hx", "|x||"],
    ["\x1b]0;title\x07a\x1b]52;c;QQ==\x1b\\b\x1bPq#0\x1b\\c", "abc|||"],
    ["a\x1b[99999999999;9Hq\x1b[", "a|||        q"],
    ["old\r\n\n\n\n\x1b[3Jnew", "|||new"],
    ["<b>&amp;", "<b>&amp;|||"],
  ];
  // What is written, and how its first letter looks.
  const looks = [
    ["\x1b[1;3;4;9mx", "bold,italic,line,strike"],
    ["\x1b[4:3mx", "line"],
    ["\x1b[4:3m\x1b[4:0mx", ""],
    ["\x1b[7;2;8mx", "dim,hidden,reverse"],
    ["\x1b[1m\x1b[22mx", ""],
    ["\x1b[38;5;196mx", "front=rgb(255,0,0)"],
    ["\x1b[48;2;1;2;3mx", "back=rgb(1,2,3)"],
    ["\x1b[38:2::1:2:3mx", "front=rgb(1,2,3)"],
    ["\x1b[38:2:1:2:3mx", "front=rgb(1,2,3)"],
    ["\x1b[38:5:21mx", "front=rgb(0,0,255)"],
    ["\x1b[38;5;240;1mx", "bold,front=rgb(88,88,88)"],
    ["\x1b[91;104m\x1b[39mx", "back=#8cc8ff"],
    ["\x1b[44m\x1b[2J\x1b[0mx\x1b[D\x1b[P", "back=#61afef"],
  ];

  const wrong = [];
  const check = (what, seen, wanted) => { if (seen !== wanted) wrong.push([what, seen, wanted]); };
  const write = (text, isPlain) => {
    const terminal = new Terminal(10, 4, isPlain);
    // Byte by byte, as sequences and characters may be split anywhere.
    for (const byte of new TextEncoder().encode(text)) terminal.write(new Uint8Array([byte]));
    return terminal;
  };
  const words = (lines) => lines.map((line) => line.map((cell) => cell.text).join("").trimEnd()).join("|");
  for (const [text, wanted] of screens) {
    const terminal = write(text);
    check(text, words([...terminal.history, ...terminal.lines]), wanted);
    const box = document.createElement("pre");
    terminal.draw(box);
    check(`${text}, drawn`, [...box.children].map((line) => line.textContent.trimEnd()).join("|"), wanted);
  }
  for (const [text, wanted] of looks) {
    const look = Object.entries(write(text).lines[0][0].look).sort();
    check(text, look.map(([name, value]) => (value === true ? name : `${name}=${value}`)).join(","), wanted);
  }
  check("without a terminal", words(write("a\nb", true).lines), "a|b||");
  const small = write("1\r\n2\r\n3\r\n4");
  small.resize(10, 2);
  check("smaller", words([...small.history, ...small.lines]), "1|2|3|4");
  small.resize(20, 3);
  check("larger", words(small.lines), "3|4|");
  const blue = write("\x1b[44mx\x1b[K").lines[0];
  check("erased in colour", blue.length === 10 && blue.every((cell) => cell.look.back === "#61afef"), true);

  // Scrolling is drawn as it happens, and a long history is bounded.
  const long = write("");
  const box = document.createElement("pre");
  for (let number = 0; number < 3000; number += 1) {
    long.write(new TextEncoder().encode(`${number}\r\n`));
    if (number % 7 === 0) long.draw(box);
  }
  long.draw(box);
  const all = [...box.children].map((line) => line.textContent.trim());
  check("bounded", [all.length, all[0], all[2002]].join(), "2004,997,2999");

  // Whatever comes, the terminal keeps its shape.
  const letters = [..."\x1b\x1b[[;:?0123456789HJKABCDLMPSTXZb@rhlmsu78()\r\n\tab漢"];
  let state = 7;
  const next = (limit) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % limit; };
  for (let run = 0; run < 200; run += 1) {
    const terminal = new Terminal(next(9), next(9));
    for (let count = 0; count < 300; count += 1) {
      terminal.take(letters[next(letters.length)]);
      if (next(100) === 0) terminal.resize(next(9), next(9));
      const { row, column, rows, columns, lines } = terminal;
      if (row < 0 || row >= rows || column < 0 || column > columns || lines.length !== rows || !lines.every(Boolean)) {
        wrong.push(["shape", run, count, row, column, lines.length]);
        break;
      }
    }
    terminal.draw(document.createElement("pre"));
  }
  return JSON.stringify(wrong);
})()
