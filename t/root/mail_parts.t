# Addresses of mail and mails themselves, which need no nginx: built under the
# sanitizers, and what is written is read by Python's parser of mails.

use Pando;
use File::Temp qw(tempdir);
use JSON::PP;
use utf8;

my $root = "$Pando::ROOT/lua-free-handlers";
my $unit = "$Pando::ROOT/t/root/unit";
my $out = tempdir(CLEANUP => 1);
my ($flags, $libs) = map { [ split ' ', `pkg-config $_ gmime-3.0 libidn2 libpsl` ] }
    '--cflags', '--libs';
my @strict = (qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter), "-I$root",
              "-I$unit", @$flags);
my @files = map { "$root/pando_$_.c" } qw(address mime);
my @beside = map { "$root/pando_$_.c" } qw(out json faults kind format time date uuid money
                                           bytes);

sub said
{
    my (@command) = @_;
    local $ENV{ASAN_OPTIONS} = 'detect_leaks=1';
    open my $from, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "sh: $!\n";
    local $/;
    return <$from> // '';
}

for my $cc ('gcc', 'clang') {
    is said($cc, @strict, '-O2', '-Wframe-larger-than=4096', '-c', '-o', '/dev/null', $_), '',
        "$_ compiles with $cc, in small frames" for @files;
}

is said('gcc', @strict, '-fsanitize=address,undefined', '-fno-sanitize-recover=all',
        "$unit/mail_parts.c", @files, @beside, '-o', "$out/parts", '-ljansson', '-lcrypto',
        '-lm', @$libs), '', 'it is built' or BAIL_OUT('no units');

my ($ran, $plan) = (0, -1);

for (split /\n/, said("$out/parts")) {
    if (/^(not )?ok \d+ - (.*)/) { $ran++; ok !$1, $2 }
    elsif (/^1\.\.(\d+)$/) { $plan = $1 }
    else { diag $_ }
}

is $plan, $ran, 'ran to its end';


# the mails, as another one reads them

my $all = said("$out/parts", 'mails');
my @mails;

while ($all =~ /\G#(\d+)\n/gc) {
    push @mails, substr $all, pos $all, $1;
    pos($all) += $1 + 2;
}

is scalar @mails, 3, 'three mails' or diag $all;
unlike $_, qr/[^\r]\n|\r[^\n]/, 'lines end in CRLF' for @mails;
is scalar(grep { length > 998 } map { split /\r\n/ } @mails), 0, 'and are not too long';
unlike $_, qr/[^\x00-\x7f]/, 'all of it is ASCII' for @mails;

sub parsed
{
    my ($mail) = @_;
    open my $file, '>', "$out/mail" or die;
    print $file $mail;
    close $file;
    return decode_json(said('/usr/bin/python3', '-c', <<'PYTHON', "$out/mail"));
import email, email.policy, json, sys
m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)
def part(p):
    if p.is_multipart():
        return [p.get_content_type()] + [part(x) for x in p.iter_parts()]
    c = p.get_content()
    return [p.get_content_type(), c.replace('\r', '') if isinstance(c, str) else list(c),
            p.get_filename(), p.get('Content-ID'), p.get_content_disposition()]
print(json.dumps({'heads': [[k, str(v)] for k, v in m.items()], 'body': part(m),
    'defects': [str(d) for p in m.walk() for d in p.defects]}))
PYTHON
}

my $m = parsed($mails[0]);
is_deeply $m->{defects}, [], 'nothing is wrong with it';
is_deeply $m->{body}, [ 'text/plain', "hello\n", undef, undef, undef ], 'a text';
my %head = map { @$_ } @{ $m->{heads} };
is $head{From}, 'Pando <from@mail.test>';
is $head{To}, qq("Zoë, the \\"first\\"" <zoe\@mail.test>), 'a name with everything in it';
is $head{'Message-ID'} // $head{'Message-Id'}, '<1@mail.test>';
is $head{Date}, 'Tue, 14 Nov 2023 22:13:20 +0000';

is_deeply parsed($mails[1])->{body}[1] =~ s/\s+\z//r, 'w' x 2999, 'one long line';

$m = parsed($mails[2]);
is_deeply $m->{defects}, [], 'nothing is wrong with the large one';
%head = map { @$_ } @{ $m->{heads} };
is $head{Subject}, 'Grüße an alle, die hier mitlesen, und noch viel mehr Worte, als in eine'
    . ' Zeile passen', 'a long subject';
is $head{'Reply-To'}, 'reply@mail.test';
like $head{To}, qr/zoe\@mail\.test>, you\@mail\.test$/, 'two of them';
is $head{'X-Note'}, 'ä and more';
is $head{'List-Unsubscribe-Post'}, 'List-Unsubscribe=One-Click';
like $head{'List-Unsubscribe'}, qr{^<https://mail\.test/e/u/a{85}>, <mailto:u\@mail\.test},
    'a long address is in one piece';
my $body = $m->{body};
is $body->[0], 'multipart/mixed';
is $body->[1][0], 'multipart/related';
is $body->[1][1][0], 'multipart/alternative';
is $body->[1][1][1][1], "one\ntwo\nthree\n.\nFrom here\nä\n", 'the text';
is $body->[1][1][2][1] =~ s/\n\z//r, '<p>你好 <img src="cid:dot"></p>', 'the HTML';
is_deeply $body->[1][2], [ 'image/png', [ 137, 80, 78, 71, 13, 10, 0, 1 ], 'dot.png', '<dot>',
                           'inline' ], 'what it shows';
is_deeply $body->[2], [ 'text/plain', "a\nb\n", 'résumé.txt', undef, 'attachment' ], 'a file';

done_testing;
