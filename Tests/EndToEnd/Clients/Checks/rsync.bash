# client: rsync
# what: copies a tree, then only what has changed, and back
# needs: rsync
# there: rsync
mkdir tree
for name in {1..50}; do random_file "tree/$name" 20000; done
master
shell="ssh -p $PORT ${options[*]} ${control[*]}"
rsync -a -e "$shell" tree/ "$target:$there/"
printf more >>tree/7
rsync -a --stats -e "$shell" tree/ "$target:$there/" >stats
grep -q 'regular files transferred: 1$' stats || fail "not the change alone: $(<stats)"
rsync -a --delete -e "$shell" "$target:$there/" back/
diff -r tree back
