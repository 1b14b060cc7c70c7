# What of the house's style a machine can see.  C has 80 columns; Perl and SQL
# may go on to 100.

use strict;
use warnings;

use Pando::Lint;
use Test::More;

my $C = qr{^(?:modules|lua-free-handlers|t)/.*\.[ch]$};
my $SCRIPT = qr{\.(?:pl|pm|t|sql)$|^(?:config|Makefile|conf/|sql/migrate|t/run)};


# What a line may not hold: of C, with comments and strings made blank.
my @CODE = (
    [ qr{//},                         'a // comment' ],
    [ qr/\b(?:alloca|setjmp)\s*\(/,   'alloca or setjmp: flows are small' ],
    [ qr/\bif\b.*\)\s*[^{};&|()]+;$/, 'an if without braces' ],
    [ qr/^\s*\{\s*\S.*;\s*\}\s*$/,    'a block on one line' ],
);

my @TEXT = (
    [ qr/[ \t]+$/,                    'blanks at the end' ],
    [ qr/\b(?:TODO|FIXME)\b/,     'a note of what is left to do' ],
);


sub style
{
    my ($dir) = @_;
    my @said;

    for my $path (files($dir, $C), files($dir, $SCRIPT)) {
        next if $path =~ m{^t/lint/};

        my $text = text("$dir/$path");
        my @lines = split /\n/, $text;
        my $wide = $path =~ /\.(?:pl|pm|t|sql)$|migrate$/ ? 100 : 80;

        push @said, "$path: does not end in a newline"
            if $text ne '' && $text !~ /[^\n]\n\z/;

        for my $i (0 .. $#lines) {
            push @said, map { "$path:" . ($i + 1) . ": $_->[1]" }
                grep { $lines[$i] =~ $_->[0] } @TEXT;
            push @said, "$path:" . ($i + 1) . ": more than $wide columns"
                if length $lines[$i] > $wide;
            push @said, "$path:" . ($i + 1) . ': a tab'
                if $lines[$i] =~ /\t/ && $path !~ /^(?:Makefile|config)$/;
        }

        push @said, c_style($path, $text) if $path =~ $C;
    }

    return @said;
}


sub c_style
{
    my ($path, $text) = @_;
    my @lines = split /\n/, code($text);
    my @said;
    my $begin;

    push @said, "$path: does not open with a comment on what it owns"
        unless $text =~ m{\A(?:/\*[ ]SPDX.*\*/\n\n)?/\*\n[ ]\*[ ]\S};
    push @said, "$path: " . @lines . ' lines: has it more than one subject?'
        if @lines > 700 && $path !~ /^t/;

    for my $i (0 .. $#lines) {
        my $n = $i + 1;

        push @said, map { "$path:$n: $_->[1]" }
            grep { $lines[$i] =~ $_->[0] } @CODE;
        push @said, "$path:$n: a goto in a domain"
            if $lines[$i] =~ /\bgoto\b/ && $path =~ m{^modules/};

        $begin = $n if $lines[$i] eq '{';

        if ($begin && $lines[$i] =~ /^\}/) {
            push @said, "$path:$begin: a function of " . ($n - $begin - 1)
                . ' lines does not fit a screen' if $n - $begin - 1 > 60 && $path !~ /^t/;
            undef $begin;
        }
    }

    return @said;
}


my $opening = "/*\n * What it owns.\n */\n\n";

sub of { return { 'modules/shoes/shoes.c' => $opening . $_[0] } }

lint style => \&style,
    keeps => of(<<'END'),
/* TO DO is two words; http://example.com is no comment */
static int
fit(int n)
{
    const char  *at = "http://example.com";

    if (n > 0 && at) {
        return n;
    }

    return 0;
}
END
    breaks => [
        of("int  a;\t\n"), qr/:5: a tab/,
        of("int  a; \n"), qr/:5: blanks at the end/,
        of("int  a;    // one\n"), qr{:5: a // comment},
        of('int  a' . 'b' x 80 . ";\n"), qr/:5: more than 80/,
        of("/* TODO: b */\n"), qr/:5: a note/,
        of("int\nf(void)\n{\n    goto x;\n}\n"), qr/:8: a goto in a domain/,
        of("int\nf(void)\n{\n" . "    g();\n" x 61 . "}\n"), qr/of 61 lines/,
        of("int\nf(int a)\n{\n    if (a) return 1;\n}\n"), qr/without braces/,
        of("int  a;\n" x 701), qr/705 lines: has it/,
        of('int  a;'), qr/does not end in a newline/,
        of("void  *p = alloca(1);\n"), qr/alloca/,
        { 'modules/shoes/shoes.c' => "int  a;\n" }, qr/does not open with/,
        { 'sql/shoes/fit.sql' => "select\t1;\n" }, qr/fit\.sql:1: a tab/,
        { 'sql/shoes/fit.sql' => '-' x 101 . "\n" }, qr/more than 100/,
    ];

done_testing;
