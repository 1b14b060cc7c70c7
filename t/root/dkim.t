# Signatures of mails, held against another reader of them: both algorithms,
# folded fields, bodies of other bytes, empty ones, and the example of RFC 8463.

use Pando;
use File::Temp qw(tempdir);
use JSON::PP;

my $root = "$Pando::ROOT/lua-free-handlers";
my $unit = "$Pando::ROOT/t/root/unit";
my $out = tempdir(CLEANUP => 1);
my @flags = split ' ', `pkg-config --cflags gmime-3.0`;
my @strict = (qw(-std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter), "-I$root",
              "-I$unit", @flags);
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

is said($_, @strict, '-O2', '-Wframe-larger-than=4096', '-c', '-o', '/dev/null',
        "$root/pando_dkim.c"), '', "compiles with $_, in small frames" for 'gcc', 'clang';
is said('gcc', @strict, '-fsanitize=address,undefined', '-fno-sanitize-recover=all',
        "$unit/mail_dkim.c", "$root/pando_dkim.c", @beside, '-o', "$out/dkim", '-ljansson',
        '-lcrypto', '-lm'), '', 'it is built' or BAIL_OUT('no unit');

my $all = said("$out/dkim");
my @mails;

while ($all =~ /\G#(\d+) (\w+) (\S+)\n/gc) {
    my ($n, $kind, $public) = ($1, $2, $3);
    push @mails, [ $kind, $public, substr $all, pos $all, $n ];
    pos($all) += $n + 2;
}

is scalar @mails, 25, 'all are made' or diag $all;

sub holds
{
    my ($kind, $public, $mail) = @_;
    open my $file, '>', "$out/mail" or die;
    print $file $mail;
    close $file;
    return said('/usr/bin/python3', '-c', <<'PYTHON', "$out/mail", $kind, $public) =~ s/\s+\z//r;
import dkim, sys
mail, kind, public = open(sys.argv[1], 'rb').read(), sys.argv[2], sys.argv[3]
txt = ('v=DKIM1; k=%s; p=%s' % (kind, public)).encode()
print(dkim.verify(mail, dnsfunc=lambda name, timeout=5: txt
                  if name == b's1._domainkey.football.example.com.' else None))
PYTHON
}

for my $i (0 .. 14) {
    my ($kind, $public, $mail) = @{ $mails[$i] };
    is holds(@{ $mails[$i] }), 'True', "$kind: mail @{[ $i % 5 ]} holds";
    is holds($kind, $public, "$mail more"), 'False', '- but not another body';
    is holds($kind, $public, $mail =~ s/^From: /From: x/mr), 'False', '- or another sender';
    is holds($kind, $public, $mail =~ s/^From: /To: x\@y.test\r\nFrom: /mr), 'False',
        '- or one more recipient';
}

is length $_->[2], 0, 'a key of another kind signs nothing' for @mails[15 .. 24];
like $mails[10][2], qr/^\tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r$/m,
    'the body of RFC 8463 has its hash';
like $mails[0][2], qr/h=from:from:to:to:subject:subject:date:date:message-id:message-id:/,
    'each field is named once more than it is there';
is scalar(grep { length > 998 } map { split /\r\n/, $_->[2] } @mails), 0, 'no line is too long';

done_testing;
