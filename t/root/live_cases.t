# What RFC 6455 says of frames, case by case, in the order in which the Autobahn
# suite asks: sizes, pings, reserved bits and opcodes, parts, UTF-8, closing.

use utf8;

use Pando;
use Pando::Live;

my $p = Pando->new(domains => ['talker']);
my %as = (token => $p->token);
my ($TEXT, $BYTES, $CLOSE, $PING, $PONG) = (1, 2, 8, 9, 10);

sub frame { Pando::Live::frame(@_) }

sub talk
{
    my $s = Pando::Live->socket($p, '/api/v1/talks/socket', %as);
    $s->hear;
    return $s;
}

# What comes of these bytes, whole or each by itself, up to "done" or a close:
# "text:..", "bytes:..", "pong:..", "close:1002".
sub said
{
    my ($bytes, $chop) = @_;
    my $s = talk();
    my %name = ($TEXT => 'text', $BYTES => 'bytes', $PONG => 'pong');
    my @said;

    $s->write($_) for $chop ? unpack("(a$chop)*", $bytes) : $bytes;

    while (my $f = $s->hear(20)) {
        if ($f->{op} == $CLOSE) {
            push @said, 'close:' . ($f->{code} // '');
            $s->write(frame($CLOSE, ''));
            last;
        }

        last if $f->{op} == $TEXT && $f->{text} eq 'done';
        push @said, "$name{$f->{op}}:$f->{text}";
    }

    push @said, 'gone' if $s->{closed} && !@said;
    return join ' ', @said;
}

my $done = frame($TEXT, 'done');

sub answers
{
    my ($name, $bytes, @want) = @_;
    is said($bytes . $done), join(' ', @want), $name;
    is said($bytes . $done, 1), join(' ', @want), "$name, byte by byte" if length $bytes < 200;
}

sub closes
{
    my ($name, $bytes, $code, @before) = @_;
    is said($bytes . $done), join(' ', @before, "close:$code"), "$name: $code";
}

sub bytes { my ($text) = @_; utf8::encode($text); return $text }


# 1. Sizes

for my $len (0, 1, 125, 126, 127, 128, 4095, 4096) {
    answers("a text of $len", frame($TEXT, '*' x $len), 'text:' . '*' x $len);
    answers("$len bytes", frame($BYTES, "\xfe" x $len), 'bytes:' . "\xfe" x $len);
}

is said(frame($TEXT, 'y' x 4000) . $done, 997), 'text:' . 'y' x 4000, 'in pieces of 997';


# 2. Pings and pongs

answers('a ping of nothing', frame($PING, ''), 'pong:');
answers('a ping with a text', frame($PING, 'hello'), 'pong:hello');
answers('a ping of bytes', frame($PING, "\x00\xff\xfe"), "pong:\x00\xff\xfe");
answers('a ping of 125', frame($PING, 'p' x 125), 'pong:' . 'p' x 125);
closes('a ping of 126', frame($PING, 'p' x 126), 1002);
answers('a pong that nobody asked for', frame($PONG, ''));
answers('one with a text', frame($PONG, 'unasked'));
answers('then a ping', frame($PONG, 'unasked') . frame($PING, 'asked'), 'pong:asked');
answers('ten pings', join('', map { frame($PING, "$_") } 1 .. 10), map { "pong:$_" } 1 .. 10);


# 3. Reserved bits

for my $rsv (1 .. 7) {
    closes("reserved bits $rsv", frame($TEXT, 'x', rsv => $rsv), 1002);
    closes("after a text: $rsv", frame($TEXT, 'a') . frame($TEXT, 'x', rsv => $rsv), 1002,
        'text:a') if $rsv < 4;
    closes("of a ping: $rsv", frame($PING, 'x', rsv => $rsv), 1002);
    closes("of a close: $rsv", frame($CLOSE, '', rsv => $rsv), 1002) if $rsv == 7;
}


# 4. Opcodes that are none

closes("opcode $_", frame($_, 'x'), 1002) for 3 .. 7, 11 .. 15;
closes("opcode $_, nothing in it", frame($_, ''), 1002) for 3, 11;


# 5. Parts

closes('a ping in parts', frame($PING, 'a', fin => 0) . frame(0, 'b'), 1002);
closes('a pong in parts', frame($PONG, 'a', fin => 0) . frame(0, 'b'), 1002);
closes('a close in parts', frame($CLOSE, "\x03\xe8", fin => 0) . frame(0, ''), 1002);
answers('two parts', frame($TEXT, 'one ', fin => 0) . frame(0, 'two'), 'text:one two');
answers('parts of nothing', frame($TEXT, '', fin => 0) . frame(0, '', fin => 0) . frame(0, ''),
    'text:');
answers('a last part of nothing', frame($TEXT, 'x', fin => 0) . frame(0, ''), 'text:x');
answers('a ping between', frame($TEXT, 'one ', fin => 0) . frame($PING, 'p') . frame(0, 'two'),
    'pong:p', 'text:one two');
answers('several', join('', frame($TEXT, 'a', fin => 0), frame($PING, '1'),
    frame(0, 'b', fin => 0), frame($PING, '2'), frame(0, 'c')), 'pong:1', 'pong:2', 'text:abc');
answers('parts of bytes', frame($BYTES, "\xff", fin => 0) . frame(0, "\xfe"), "bytes:\xff\xfe");
closes('a part of nothing', frame(0, 'x'), 1002);
closes('one more that is not the last', frame(0, 'x', fin => 0) . frame($TEXT, 'y'), 1002);
closes('a part behind a whole one', frame($TEXT, 'x') . frame(0, 'y'), 1002, 'text:x');
closes('a new one within', frame($TEXT, 'x', fin => 0) . frame($TEXT, 'y'), 1002);
closes('another kind within', frame($TEXT, 'x', fin => 0) . frame($BYTES, 'y'), 1002);


# 6. UTF-8

for my $text ('Hello-µ@ßöäüàá-UTF-8!!', 'κόσμε', "\x{0}", "\x{7f}", "\x{80}", "\x{7ff}",
    "\x{800}", "\x{d7ff}", "\x{e000}", "\x{fffd}", "\x{10000}", "\x{10ffff}", "\x{feff}", '日本')
{
    my $is = bytes($text);
    answers(sprintf('U+%04X...', ord $text), frame($TEXT, $is), "text:$is");
    my $cut = int(length($is) / 2);
    answers('in parts', frame($TEXT, substr($is, 0, $cut), fin => 0)
        . frame(0, substr $is, $cut), "text:$is");
}

for ([ 'a byte of a sequence', "\x80" ], [ 'two', "\x80\xbf" ], [ 'a first byte', "\xc3" ],
     [ 'a first byte, then a letter', "\xc3x" ], [ 'two of three', "\xe2\x82" ],
     [ 'three of four', "\xf0\x9f\x98" ], [ 'a long slash', "\xc0\xaf" ],
     [ 'longer', "\xe0\x80\xaf" ], [ 'longest', "\xf0\x80\x80\xaf" ], [ 'a long zero', "\xc0\x80" ],
     [ 'a surrogate', "\xed\xa0\x80" ], [ 'the last one', "\xed\xbf\xbf" ],
     [ 'a pair', "\xed\xa0\x80\xed\xb0\x80" ], [ 'too far', "\xf4\x90\x80\x80" ],
     [ 'five bytes', "\xf8\x88\x80\x80\x80" ], [ 'six', "\xfc\x84\x80\x80\x80\x80" ],
     [ 'FE', "\xfe" ], [ 'FF', "\xff" ], [ 'FE FF', "a\xfe\xfe\xff\xff" ],
     [ 'within a text', "abc\xce\xba\xed\xa0\x80edited" ])
{
    my ($name, $text) = @$_;
    closes("no UTF-8: $name", frame($TEXT, $text), 1007);
    closes('in a part', frame($TEXT, $text, fin => 0) . frame(0, 'x'), 1007);
    is said(frame($BYTES, $text) . $done), "bytes:$text", 'but bytes';
}


# 7. Closing

for my $code (1000 .. 1003, 1007 .. 1011, 3000, 3999, 4000, 4999) {
    is said(frame($CLOSE, pack 'n', $code)), "close:$code", "closed with $code";
    is said(frame($CLOSE, pack('n', $code) . 'because')), "close:$code", 'and a reason';
}

closes("no code to close with: $_", frame($CLOSE, pack 'n', $_), 1002)
    for 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535;
is said(frame($CLOSE, '')), 'close:', 'without a code';
closes('half a code', frame($CLOSE, 'x'), 1002);
is said(frame($CLOSE, pack('n', 1000) . 'r' x 123)), 'close:1000', 'a long reason';
closes('a longer one', frame($CLOSE, pack('n', 1000) . 'r' x 124), 1002);
like said(frame($CLOSE, pack('n', 1000) . "\xff")), qr/^close:100[27]$/,
    'a reason that is no UTF-8';
is said(frame($CLOSE, pack 'n', 1000) . frame($TEXT, 'late')), 'close:1000', 'nothing follows';
is said(frame($CLOSE, pack 'n', 1000) . frame($PING, 'late')), 'close:1000', 'no pong either';
is said(frame($CLOSE, pack 'n', 1000) x 2), 'close:1000', 'closed once';
closes('in the middle of a text',
    frame($TEXT, 'x', fin => 0) . frame($CLOSE, pack 'n', 1000), 1000);


# 8. Masks

closes('not masked', frame($TEXT, 'x', mask => ''), 1002);
answers('masked by nothing', frame($TEXT, 'x', mask => "\0\0\0\0"), 'text:x');
answers('by all', frame($TEXT, 'xyz', mask => "\xff\xff\xff\xff"), 'text:xyz');
closes('a length of 63 bits', frame($TEXT, '', len => 2 ** 62, long => 1), 1009);
closes('a length that is negative', pack('CCQ>', 0x81, 0xff, 1 << 63) . 'abcd', 1002);

done_testing;
